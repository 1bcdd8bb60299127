"""Our games for Gymnasium, PettingZoo and verifiers: each library's own check, and the scores of the match underneath."""

import builtins
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from socratic.bridges.exports import to_gymnasium, to_pettingzoo, to_verifiers
from socratic.errors import ConfigError, IllegalMove, PlayError
from socratic.game import Game, LiveMatch, Scores, Table, game
from socratic.records import Answer, Call, Judgement
from socratic.registry import load_game
from socratic.seeds import Seed

WORDS = ("rock", "paper", "scissors")


@game(seats=("row", "column"), zero_sum=True)
async def rock_paper_scissors(t: Table) -> Scores:
    """Paper beats rock, rock beats scissors, scissors beat paper."""
    said = await t.ask_all(dict.fromkeys((0, 1), ("Rock, paper or scissors?", WORDS)))
    lead = (WORDS.index(said[0]) - WORDS.index(said[1])) % 3
    return t.draw() if lead == 0 else t.win(0 if lead == 1 else 1)


@game(seats=("writer",), bounds=(0.0, 1.0))
async def longer(t: Table, *, letters: int = 3) -> Scores:
    """Write at least so many letters, on the second try too."""
    t.probe(letters=letters)

    def read(text: str) -> str:
        if not text.isalpha():
            raise IllegalMove("Letters only.")
        return text

    word = await t.ask(0, f"{letters} letters:", read)
    return t.share(1.0 if len(word) >= letters else 0.0)


def by_position(game: Game, seed: int, pick: Callable[[int], int], **params: int) -> LiveMatch:
    """Return a match in which the n-th reply is the `pick(n)`-th option."""
    match = LiveMatch(game, params, Seed(seed))
    num = 0
    while not match.done:
        replies = {}
        for request in match.requests():
            options = request.legal or ("",)
            replies[request.seat] = options[pick(num) % len(options)]
            num += 1
        match.submit(replies)
    return match


@pytest.mark.parametrize(("name", "seat"), [("kuhn_poker", 0), ("kuhn_poker", 1), ("sticks", 1), ("signal", 1), ("add", 0)])
def test_gymnasiums_own_check_passes(name: str, seat: int) -> None:
    checker = pytest.importorskip("gymnasium.utils.env_checker")
    with warnings.catch_warnings():
        # Render modes are only tested for what is registered with gymnasium.
        warnings.filterwarnings("ignore", message=".*Not able to test alternative render modes")
        checker.check_env(to_gymnasium(name, seat=seat))


@pytest.mark.parametrize("which", ["kuhn_poker", "sticks", "signal", "add", rock_paper_scissors, longer])
def test_pettingzoos_own_test_passes(which: str | Game, capsys: pytest.CaptureFixture[str]) -> None:
    conformance = pytest.importorskip("pettingzoo.test")
    with warnings.catch_warnings():
        # Texts are no arrays.
        warnings.filterwarnings("ignore", message="Observation is not a NumPy array")
        warnings.filterwarnings("ignore", message=".* space for each agent probably should be")
        conformance.api_test(to_pettingzoo(which), num_cycles=20)
    assert "Passed API test" in capsys.readouterr().out


def test_a_gymnasium_seat_sees_and_scores_what_its_match_does() -> None:
    pytest.importorskip("gymnasium")
    # The opponent always takes the first option.
    table = to_gymnasium("kuhn_poker", seat=1, opponents=lambda request, seed: (request.legal or ("",))[0])
    seen, info = table.reset(seed=5)
    match = LiveMatch(load_game("kuhn_poker"), None, Seed(5))
    match.submit({0: "pass"})
    assert seen == "\n".join(line.text for line in match.view(1))
    assert info["legal"] == ["pass", "bet"]
    seen, reward, is_over, is_cut, info = table.step("bet")
    match.submit({1: "bet"})
    match.submit({0: "pass"})
    assert match.scores is not None
    assert (reward, is_over, is_cut) == (match.scores[1], True, False)
    assert info["scores"] == list(match.scores)
    assert seen.endswith("> bet\nThey pass.")


def test_an_illegal_reply_forfeits_and_a_retry_is_told_why() -> None:
    pytest.importorskip("gymnasium")
    table = to_gymnasium(longer, {"letters": 2}, retries=1)
    table.reset(seed=0)
    seen, reward, is_over, _, info = table.step("12")
    assert (reward, is_over, info["attempt"]) == (0.0, False, 1)
    assert "Illegal. Letters only." in seen
    assert info["legal"] is None
    _, reward, is_over, _, info = table.step("ab")
    assert (reward, is_over, info["letters"]) == (1.0, True, 2.0)
    strict = to_gymnasium(longer)
    strict.reset(seed=0)
    _, reward, is_over, _, info = strict.step("12")
    assert (reward, is_over, info["ending"], info["forfeiter"]) == (0.0, True, "forfeit", 0)


@game(seats=("writer",), bounds=(0.0, 1.0))
async def judged(t: Table) -> Scores:
    """Write something; a critic says whether it is good."""
    text = await t.ask(0, "Write:")
    return t.share((await t.judge("Is it good?", text))["yes"])


class Lenient:
    """A critic that likes long texts."""

    def answer(self, calls: Sequence[Call]) -> list[Answer]:
        """Return a share for yes that grows with the text, up to 1."""
        texts = [call.evidence if isinstance(call, Judgement) else "" for call in calls]
        return [(len(text) / 10, 1 - len(text) / 10) for text in texts]


def test_a_clerk_answers_what_the_game_asks_of_a_critic() -> None:
    pytest.importorskip("gymnasium")
    table = to_gymnasium(judged, clerk=Lenient())
    table.reset(seed=0)
    assert table.step("abcd")[1] == 0.4
    strict = to_gymnasium(judged)
    strict.reset(seed=0)
    with pytest.raises(PlayError, match="pass a clerk"):
        strict.step("abcd")


def test_the_turn_limit_truncates() -> None:
    pytest.importorskip("gymnasium")
    table = to_gymnasium("sticks", max_turns=2)
    table.reset(seed=0)
    _, reward, is_over, is_cut, info = table.step("1")
    assert (reward, is_over, is_cut, info["ending"]) == (0.0, False, True, "turn_limit")
    pytest.importorskip("pettingzoo")
    both = to_pettingzoo("sticks", max_turns=2)
    both.reset(seed=0)
    both.step(0)
    assert not any(both.truncations.values())
    both.step(0)
    assert all(both.truncations.values())
    assert not any(both.terminations.values())


def test_a_reset_without_a_seed_goes_on_from_the_last_and_a_seed_begins_again() -> None:
    pytest.importorskip("gymnasium")
    table = to_gymnasium("add", {"largest": 9999})
    first = [table.reset(seed=3)[0], table.reset()[0], table.reset()[0]]
    assert len(set(first)) == 3
    assert [table.reset(seed=3)[0], table.reset()[0], table.reset()[0]] == first


def test_simultaneous_seats_are_asked_one_after_another_and_see_nothing_of_each_other() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo(rock_paper_scissors)
    table.reset(seed=1)
    assert table.agent_selection == "row_0"
    before = table.observe("column_1")["observation"]
    table.step(WORDS.index("paper"))
    assert table.agent_selection == "column_1"
    assert table.observe("column_1")["observation"] == before
    # Who has replied has no move until all have.
    assert not table.observe("row_0")["action_mask"].any()
    table.step(WORDS.index("rock"))
    assert table.rewards == {"row_0": 1.0, "column_1": -1.0}
    assert all(table.terminations.values())


def test_an_aec_match_is_the_live_match_of_its_seed() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo("sticks", {"heap": 7})
    for seed in range(3):
        played = by_position(load_game("sticks"), seed, lambda num: num * num, heap=7)
        table.reset(seed=seed)
        num = 0
        while not any(table.terminations.values()):
            options = table.infos[table.agent_selection]["legal"]
            mask = table.observe(table.agent_selection)["action_mask"]
            assert [move for move, allowed in zip(table.moves, mask, strict=True) if allowed] == options
            table.step(table.moves.index(options[num * num % len(options)]))
            num += 1
        assert tuple(table.rewards.values()) == played.scores
        assert table.match.digest() == played.digest()


def test_an_option_that_is_not_among_the_moves_given_is_masked_out_and_can_be_said() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo(rock_paper_scissors, moves=("scissors", "rock"))
    table.reset(seed=0)
    assert table.last()[0]["action_mask"].tolist() == [1, 1]
    assert to_pettingzoo(rock_paper_scissors, moves=("lizard", "rock")).action_space("row_0").n == 2
    table.step("paper")
    table.step(1)
    assert table.rewards == {"row_0": 1.0, "column_1": -1.0}
    partly = to_pettingzoo(rock_paper_scissors, moves=("lizard", "rock"))
    partly.reset(seed=0)
    assert partly.last()[0]["action_mask"].tolist() == [0, 1]


@game(seats=("walker",), bounds=(0.0, 1.0))
async def long_walk(t: Table) -> Scores:
    """Nobody meets every option of it: each question lists others."""
    total = 0
    for step in range(30):
        total = int(await t.ask(0, "Where to?", [str(total * 3 + step % 3 + 1 + way) for way in range(2 + step % 2)]))
    return t.share(float(total % 2))


def test_in_a_game_too_large_to_walk_an_action_is_a_place_in_the_list() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo(long_walk)
    assert (table.moves, table.action_space("walker_0").n) == (None, 4096)
    table.reset(seed=0)
    num = 0
    while not table.terminations["walker_0"]:
        observed, _, _, _, info = table.last()
        assert observed["action_mask"].sum() == len(info["legal"]) == 2 + num % 2
        assert observed["action_mask"][: len(info["legal"])].all()
        table.step(len(info["legal"]) - 1)
        assert table.match.replies[-1] == info["legal"][-1]
        num += 1
    assert num == 30
    assert table.match.scores is not None


def test_a_number_that_stands_for_no_option_is_an_illegal_reply() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo(long_walk)
    table.reset(seed=0)
    table.step(7)
    assert table.terminations == {"walker_0": True}
    assert table.infos["walker_0"]["forfeiter"] == 0


@pytest.mark.slow
def test_chess_is_exported_at_once_and_played_without_a_move_that_nobody_foresaw() -> None:
    pytest.importorskip("pettingzoo")
    pytest.importorskip("pyspiel")
    started = time.monotonic()
    table = to_pettingzoo("openspiel:chess")
    assert time.monotonic() - started < 15
    table.reset(seed=1)
    for num in range(300):
        observed, _, is_over, _, info = table.last()
        if is_over:
            break
        assert observed["action_mask"].sum() == len(info["legal"])
        table.step(num * num % len(info["legal"]))


def test_openspiels_distinct_actions_are_the_places() -> None:
    pytest.importorskip("pettingzoo")
    pytest.importorskip("pyspiel")
    table = to_pettingzoo("openspiel:go(board_size=5)")
    assert (table.moves, table.action_space("player0_0").n) == (None, 26)


def test_a_game_that_executes_programs_needs_no_clerk() -> None:
    pytest.importorskip("gymnasium")
    pytest.importorskip("pettingzoo")
    pytest.importorskip("pydantic_monty")
    table = to_gymnasium("triplet", {"mode": "deduce", "base": 3, "tries": 1})
    _, info = table.reset(seed=2)
    *_, is_over, _, info = table.step(info["legal"][0])
    assert is_over
    turns = to_pettingzoo("triplet", {"mode": "deduce", "base": 3, "tries": 1})
    assert turns.moves == ("inc", "double", "square", "flip", "0", "1", "2")
    turns.reset(seed=2)
    turns.step(0)
    assert turns.agent_selection == "solver_0"


def test_a_judgement_is_left_to_a_clerk_of_the_callers() -> None:
    pytest.importorskip("pettingzoo")
    table = to_pettingzoo(judged)
    table.reset(seed=0)
    with pytest.raises(PlayError, match="a critic"):
        table.step("well")


@pytest.mark.parametrize(("export", "library"), [(to_gymnasium, "gymnasium"), (to_pettingzoo, "pettingzoo"), (to_verifiers, "verifiers")])
def test_a_library_that_is_missing_is_named_with_its_extra(
    export: Callable[[str], object], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = builtins.__import__

    def without(name: str, *given: object) -> object:
        if name.split(".", maxsplit=1)[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return really(name, *given)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(builtins, "__import__", without)
    for module in [name for name in sys.modules if name.startswith("socratic.bridges.exports_")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ConfigError, match=rf"pip install 'socratic-loop\[{library}\]'"):
        export("add")


def test_a_seat_or_player_that_the_game_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="no seat 2"):
        to_gymnasium("sticks", seat=2)
    with pytest.raises(ConfigError, match="no scripted player 'champion'"):
        to_gymnasium("add", opponents="champion")


PLUGIN = """
from socratic.bridges.exports import to_verifiers
MatchSet, Matches = to_verifiers({game!r}, {params!r})
__all__ = ["MatchSet", "Matches"]
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what writes a verifiers plugin of a game, and returns its id."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(game: str, **params: int) -> str:
        name = f"exported_{game}"
        (tmp_path / f"{name}.py").write_text(PLUGIN.format(game=game, params=params))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return write


def test_a_game_comes_back_from_verifiers_as_it_went(plugin: Callable[..., str]) -> None:
    pytest.importorskip("verifiers")
    from socratic.bridges.verifiers import load

    name = plugin("kuhn_poker")
    back = load(f"{name}?low=-2&high=2&zero_sum=true")
    assert back.seats == ("first", "second")
    for seed in range(4):
        ours = LiveMatch(load_game("kuhn_poker"), None, Seed(seed))
        theirs = LiveMatch(back, {"task": seed}, Seed(1))
        while not ours.done:
            (asked,), (given) = ours.requests(), theirs.requests()
            assert (given[0].seat, given[0].prompt.splitlines()[-1]) == (asked.seat, asked.prompt)
            reply = ("bet", "pass", "bet")[(seed + len(ours.replies)) % 3]
            ours.submit({asked.seat: reply})
            theirs.submit({asked.seat: reply})
        assert theirs.scores == ours.scores
    forfeit = LiveMatch(back, {"task": 0}, Seed(1))
    forfeit.submit({0: "raise"})
    assert forfeit.scores == (-2.0, 2.0)


HARNESS = """
import httpx
import verifiers.v1 as vf

class InProcess(vf.Harness[vf.HarnessConfig]):
    SUPPORTS_RESUME = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(self, ctx, trace, runtime, endpoint, secret, mcp_urls, data):
        system, prompt = self.resolve_prompt(data)
        messages = prompt if isinstance(prompt, list) else [vf.UserMessage(content=prompt)]
        body = {"model": ctx.model, "messages": [message.model_dump(exclude_none=True) for message in messages]}
        async with httpx.AsyncClient() as client:
            reply = await client.post(f"{endpoint}/chat/completions", json=body, headers={"Authorization": f"Bearer {secret}"})
        return vf.ProgramResult(exit_code=0 if reply.is_success else 1, stdout="", stderr=reply.text)

__all__ = ["InProcess"]
"""


@pytest.mark.enable_socket
@pytest.mark.slow
def test_verifiers_own_rollout_plays_a_game_to_its_scores(
    plugin: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("verifiers")
    import asyncio

    import verifiers.v1 as vf
    from verifiers.v1.interception import server
    from verifiers.v1.runtimes import subprocess

    monkeypatch.setattr(subprocess, "CACHE_DIR", tmp_path)
    (tmp_path / "in_process_chat.py").write_text(HARNESS)
    prompts: list[str] = []

    class Bettor(vf.Client):  # type: ignore[misc]  # verifiers ships no types
        """A model that bets, in this process."""

        async def get_response(
            self, dialect: object, body: dict[str, list[dict[str, str]]], *given: object, **named: object
        ) -> vf.Response:
            prompts.append(body["messages"][-1]["content"])
            return vf.Response(id="1", created=0, model="bettor", message=vf.AssistantMessage(content="bet"), finish_reason="stop")

    monkeypatch.setattr(server, "resolve_client", lambda config: Bettor())
    chat = {"harness": {"id": "in_process_chat"}}
    config = vf.resolve_env_config({"taskset": {"id": plugin("kuhn_poker")}, "first": chat, "second": chat})
    table = vf.load_environment(config)
    (task,) = table.taskset.take(1)

    async def episode() -> vf.Episode:
        async with table.serving():
            return await table.run_episode(task, vf.ModelContext(model="bettor", client=vf.EvalClientConfig()))

    played = asyncio.run(episode())
    assert played.ok, [trace.errors for trace in played.traces] or played.errors
    ours = LiveMatch(load_game("kuhn_poker"), None, Seed(0))
    for seat in (0, 1):
        ours.submit({seat: "bet"})
    rewards = {trace.agent.name: trace.reward for trace in played.traces}
    assert (rewards["first"], rewards["second"]) == ours.scores
    assert prompts[0].splitlines() == [line.text for line in LiveMatch(load_game("kuhn_poker"), None, Seed(0)).view(0)]
