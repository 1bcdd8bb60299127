"""What a game asks of critics and of the sandbox: answered through a protocol, recorded, replayed without either."""

import json
from collections.abc import Sequence
from math import isnan, nan

import pytest

from socratic.errors import GameError, GameTooLarge, PlayError, ReplayMismatch
from socratic.game import Clerk, Game, LiveMatch, RecordedClerk, Scores, Seed, Table, game, settle
from socratic.game.calls import call_from_json, call_to_json
from socratic.game.check import check_game
from socratic.game.random_play import random_episode
from socratic.game.tree import enumerate_tree
from socratic.records import Answer, Call, Json, Judgement, Program, Result
from socratic.store.episodes import episode_from_json, episode_to_json

SAY = ["x", "y"]


@game(seats=("a", "b"), bounds=(0.0, 1.0))
async def judged(t: Table) -> Scores:
    """Say something that pleases a critic, twice."""
    said = await t.ask_all({0: ("Say:", SAY), 1: ("Say:", SAY)})
    shares = await t.judge("Is it polite?", evidence=" ".join(said.values()), options=("yes", "no"))
    t.tell(None, f"It is {'polite' if shares['yes'] > 0.5 else 'rude'}.")
    last = await t.ask(0, "And now?", SAY)
    again = await t.judge("And this?", last, ("no", "perhaps", "yes"))
    return t.share((shares["yes"] + again["yes"]) / 2)


@game(seats=("a",), bounds=(0.0, 1.0), optimum=1.0)
async def computed(t: Table) -> Scores:
    """Pick the number that doubles to four."""
    picked = int(await t.ask(0, "Pick:", ["1", "2"]))
    result = await t.execute("def f(x):\n    return x + x", "f", picked)
    return t.share(1.0 if result.ok and result.value == 4 else 0.0)


class Fixed:
    """Prefers "x"; doubles; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Call] = []

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        self.asked += calls
        return [self._one(call) for call in calls]

    def _one(self, call: Call) -> Answer:
        if isinstance(call, Program):
            [number] = call.inputs
            assert isinstance(number, int)
            return Result(value=2 * number)
        share = 0.75 if "x" in call.evidence else 0.25
        rest = (1 - share) / (len(call.options) - 1)
        return tuple(share if option == "yes" else rest for option in call.options)


def _played(made: Game, replies: Sequence[dict[int, str]], clerk: Clerk) -> LiveMatch:
    match = LiveMatch(made, {}, Seed(1))
    settle([match], clerk)
    for reply in replies:
        match.submit(reply)
        settle([match], clerk)
    return match


def test_a_critic_shares_its_judgement_between_the_options() -> None:
    clerk = Fixed()
    match = _played(judged, [{0: "x", 1: "y"}, {0: "y"}], clerk)
    assert match.scores == (0.5, 0.5)
    assert clerk.asked == [
        Judgement(question="Is it polite?", evidence="x y", options=("yes", "no")),
        Judgement(question="And this?", evidence="y", options=("no", "perhaps", "yes")),
    ]
    assert [line.text for line in match.view(1)] == ["Say:", "y", "It is polite."]


def test_a_match_that_waits_for_an_answer_takes_no_reply() -> None:
    match = LiveMatch(judged, {}, Seed(1))
    match.submit({0: "x", 1: "x"})
    assert (match.requests(), match.done) == ((), False)
    assert match.call is not None
    with pytest.raises(GameError, match="asks seats \\[\\] and got replies from \\[0\\]"):
        match.submit({0: "x"})
    match.answer((0.5, 0.5))
    assert [request.seat for request in match.requests()] == [0]
    with pytest.raises(GameError, match="waits for no call"):
        match.answer((0.5, 0.5))


def test_many_matches_are_answered_in_one_go() -> None:
    class Counting(Fixed):
        sizes: list[int] = []  # noqa: RUF012  (one clerk, one test)

        def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
            self.sizes.append(len(calls))
            return super().answer(calls)

    clerk = Counting()
    matches = [LiveMatch(judged, {}, Seed(key)) for key in range(5)]
    for match in matches:
        match.submit({0: "x", 1: "x"})
    settle(matches, clerk)
    assert clerk.sizes == [5]


@pytest.mark.parametrize("answer", [(0.5,), (0.5, 0.6), (float("nan"), 1.0), (-0.5, 1.5), Result(value=1), (1, 0)])
def test_an_answer_that_does_not_fit_is_refused_with_the_question(answer: Answer) -> None:
    match = LiveMatch(judged, {}, Seed(1))
    match.submit({0: "x", 1: "x"})
    with pytest.raises(PlayError, match=r"judged asked a critic 'Is it polite\?' and got"):
        match.answer(answer)


def test_a_replay_needs_no_critic() -> None:
    match = _played(judged, [{0: "x", 1: "y"}], Fixed())
    saved = json.loads(json.dumps(match.save()))
    loaded = LiveMatch.load(judged, saved)
    assert loaded.requests() == match.requests()
    fork = match.fork()
    for live in (match, loaded, fork):
        live.submit({0: "x"})
        settle([live], Fixed())
    assert match.digest() == loaded.digest() == fork.digest()
    assert match.fork(2).requests() == match.fork(2).requests() != ()
    # Another verdict would be another match.
    saved["answers"] = [[0.1, 0.9]]
    with pytest.raises(ReplayMismatch):
        LiveMatch.load(judged, saved)


def test_the_record_of_an_episode_holds_what_was_answered() -> None:
    episode = random_episode(judged, {}, 3, Fixed())
    assert len(episode.calls) == 2
    written = json.loads(json.dumps(episode_to_json(episode)))
    assert episode_from_json(written).episode == episode
    clerk = RecordedClerk(episode.calls)
    again = random_episode(judged, {}, 3, clerk)
    assert again == episode
    with pytest.raises(ReplayMismatch, match="did not ask before"):
        clerk.answer([Judgement(question="Else?", evidence="", options=("yes", "no"))])


def test_calls_come_back_from_json_as_they_were() -> None:
    program: Call = Program(source="def f(x): return x", call="f", inputs=([1, {"a": None}],))
    for call, answer in ((program, Result(value=[1.5])), (program, Result(error="TypeError: no"))):
        assert call_from_json(json.loads(json.dumps(call_to_json(call, answer)))) == (call, answer)
    damaged: list[dict[str, Json]] = [{}, {"judge": {}, "answer": []}, {"execute": 3, "answer": None}]
    for wrong in damaged:
        with pytest.raises(ReplayMismatch):
            call_from_json(wrong)


def test_programs_leave_the_tree_whole_and_critics_have_none() -> None:
    tree = enumerate_tree(computed, clerk=Fixed())
    assert tree.num_leaves == 2
    assert tree.best_response(tree.uniform(), 0)[0] == 1.0
    with pytest.raises(GameTooLarge, match="asks a critic"):
        enumerate_tree(judged, clerk=Fixed())
    with pytest.raises(PlayError, match="asks the sandbox"):
        enumerate_tree(computed)


def test_games_with_calls_keep_the_contract() -> None:
    for made in (judged, computed):
        report = check_game(made, clerk=Fixed())
        assert report.passed, report.findings


def test_a_call_without_options_or_texts_is_the_game_s_mistake() -> None:
    async def one_sided(t: Table) -> Scores:
        await t.judge("Yes?", options=("yes",))
        return t.share(0.0)

    with pytest.raises(GameError, match="expected texts, two or more"):
        LiveMatch(game(seats=("a",))(one_sided), {}, Seed(1))


def test_a_game_that_only_ever_calls_ends_at_the_turn_limit() -> None:
    async def asks_on(t: Table) -> Scores:
        while True:
            await t.judge("Enough?")

    match = LiveMatch(game(seats=("a",))(asks_on), {}, Seed(1), max_turns=10)
    settle([match], Fixed())
    assert (match.ending, match.scores) == ("turn_limit", (0.0,))


class Silent:
    """Cannot say."""

    def answer(self, calls: Sequence[Call]) -> Sequence[Answer]:
        return [(nan,) * len(call.options) for call in calls if isinstance(call, Judgement)]


def test_a_critic_that_cannot_say_leans_nowhere_in_the_game_and_leaves_no_score() -> None:
    match = _played(judged, [{0: "x", 1: "y"}, {0: "y"}], Silent())
    assert match.view(1)[-1].text == "It is rude."
    assert match.scores is not None
    assert all(map(isnan, match.scores))
    # Once is enough: the score holds what was not said.
    match = _played(judged, [{0: "x", 1: "y"}], Silent())
    match.submit({0: "y"})
    settle([match], Fixed())
    assert match.scores == (nan, nan)


def test_what_could_not_be_said_is_null_in_the_record_and_replays() -> None:
    match = _played(judged, [{0: "x", 1: "y"}], Silent())
    written = json.dumps(match.save(), allow_nan=False)
    assert '"answers": [[null, null]]' in written
    loaded = LiveMatch.load(judged, json.loads(written))
    for live in (match, loaded, match.fork()):
        live.submit({0: "x"})
        settle([live], Fixed())
        assert live.scores == (nan, nan)
    assert loaded.digest() == match.digest()


def test_the_record_of_an_episode_holds_that_a_critic_could_not_say() -> None:
    episode = random_episode(judged, {}, 3, Silent())
    assert episode.is_undecided
    assert not random_episode(judged, {}, 3, Fixed()).is_undecided
    again = episode_from_json(json.loads(json.dumps(episode_to_json(episode)).replace("NaN", "null"))).episode
    assert again == episode
    assert random_episode(judged, {}, 3, RecordedClerk(again.calls)) == episode


def test_a_game_whose_critic_cannot_say_keeps_the_contract() -> None:
    report = check_game(judged, clerk=Silent())
    assert report.passed, report.findings
