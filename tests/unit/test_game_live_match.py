"""A match being played: legality, retries, forfeits, chance, and replay."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Generator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socratic.errors import GameError, IllegalMove, ReplayMismatch
from socratic.game import Game, LiveMatch, Params, Scores, Table, game
from socratic.records import GAME, SELF, Line
from socratic.seeds import Seed

SEED = Seed(7)


@game(seats=("first", "second"), zero_sum=True)
async def duel(t: Table, *, rounds: int = 2) -> Scores:
    """Say high or low; a coin says who is right."""
    lead = 0
    for _ in range(rounds):
        for seat in (0, 1):
            said = await t.ask(seat, "Say:", ["high", "low"])
            lead += (1 - 2 * seat) * (said == t.choose(("high", "low")))
    return t.win(0 if lead > 0 else 1) if lead else t.draw()


@game(seats=("left", "right"), zero_sum=True)
async def pennies(t: Table) -> Scores:
    """Match pennies, at once."""
    said = await t.ask_all({1: ("Penny:", ["heads", "tails"]), 0: ("Penny:", ["heads", "tails"])})
    t.tell(None, f"left {said[0]}, right {said[1]}.")
    return t.win(0 if said[0] == said[1] else 1)


@game(seats=("only",), bounds=(0.0, 10.0), forfeit=1.0)
async def digits(t: Table, *, how: str = "pattern") -> Scores:
    """Say a digit."""
    if how == "pattern":
        return t.share(float(await t.ask(0, "Digit:", re.compile(r"\d"))))
    if how == "parser":
        return t.share(await t.ask(0, "Digit:", _digit))
    if how == "builtin":
        return t.share(await t.ask(0, "Digit:", int))
    return t.share(len(await t.ask(0, "Say:")))


def _digit(text: str) -> int:
    if not re.fullmatch(r"\d", text):
        raise IllegalMove(f"{text!r} is no digit.")
    return int(text)


def test_a_request_shows_the_prompt_last_and_counts_turns() -> None:
    match = LiveMatch(duel, {}, SEED)
    (request,) = match.requests()
    assert (request.seat, request.prompt, request.legal, request.turn, request.attempt) == (0, "Say:", ("high", "low"), 0, 0)
    assert request.view == (Line(speaker=GAME, text="Say:"),)
    match.submit({0: "high"})
    assert [(asked.seat, asked.turn) for asked in match.requests()] == [(1, 1)]
    assert match.view(0) == (Line(speaker=GAME, text="Say:"), Line(speaker=SELF, text="high"))


def test_a_request_taken_before_stays_as_it_was() -> None:
    match = LiveMatch(duel, {}, SEED)
    first = match.requests()[0]
    _play(match, ["high"] * 4)
    assert len(first.view) == 1


def test_replies_are_stripped_for_the_game_and_kept_as_given_for_the_view() -> None:
    match = LiveMatch(duel, {}, SEED)
    assert match.submit({0: "  high\n"}) == frozenset()
    assert match.view(0)[-1] == Line(speaker=SELF, text="  high\n")


def test_an_illegal_reply_is_told_to_its_seat_alone_and_tried_again() -> None:
    match = LiveMatch(duel, {}, SEED, retries=1)
    assert match.submit({0: "maybe"}) == {0}
    (request,) = match.requests()
    assert (request.seat, request.attempt, request.turn) == (0, 1, 1)
    assert [line.text for line in request.view] == ["Say:", "maybe", "Illegal. Choose: high, low.", "Say:"]
    assert match.view(1) == ()


def test_a_forfeit_costs_the_forfeiter() -> None:
    match = LiveMatch(duel, {}, SEED, retries=1)
    _play(match, ["high", "no", "never"])
    assert (match.done, match.ending, match.forfeiter, match.scores) == (True, "forfeit", 1, (1.0, -1.0))


def test_retries_are_counted_for_each_question() -> None:
    match = LiveMatch(duel, {"rounds": 1}, SEED, retries=1)
    _play(match, ["no", "high", "no", "high"])
    assert match.ending == "finished"


def test_out_of_turns_a_zero_sum_match_is_drawn_and_another_gets_its_forfeit_score() -> None:
    match = LiveMatch(duel, {}, SEED, max_turns=3)
    _play(match, ["high"] * 3)
    assert (match.ending, match.scores, match.forfeiter) == ("turn_limit", (0.0, 0.0), None)
    assert LiveMatch(digits, {}, SEED, max_turns=0).scores == (1.0,)


def test_simultaneous_asks_are_hidden_until_all_are_in() -> None:
    match = LiveMatch(pennies, {}, SEED)
    assert [(request.seat, request.turn) for request in match.requests()] == [(0, 0), (1, 1)]
    match.submit({0: "heads", 1: "tails"})
    assert match.scores == (-1.0, 1.0)
    assert [line.text for line in match.view(1)] == ["Penny:", "tails", "left heads, right tails."]


def test_only_the_seat_that_erred_is_asked_again() -> None:
    match = LiveMatch(pennies, {}, SEED, retries=1)
    match.submit({0: "heads", 1: "edge"})
    assert [(request.seat, request.turn, request.attempt) for request in match.requests()] == [(1, 2, 1)]
    match.submit({1: "heads"})
    assert match.scores == (1.0, -1.0)


def test_two_forfeits_at_once_favour_nobody() -> None:
    match = LiveMatch(pennies, {}, SEED)
    match.submit({0: "?", 1: "?"})
    assert (match.ending, match.forfeiter, match.scores) == ("forfeit", 0, (0.0, 0.0))


@pytest.mark.parametrize("replies", [{}, {1: "high"}, {0: "high", 1: "high"}])
def test_a_submission_answers_exactly_the_requests(replies: dict[int, str]) -> None:
    match = LiveMatch(duel, {}, SEED)
    with pytest.raises(GameError, match="submit one to each request"):
        match.submit(replies)
    assert len(match.requests()) == 1


def test_a_reply_that_is_no_text_changes_nothing() -> None:
    match = LiveMatch(pennies, {}, SEED)
    with pytest.raises(GameError, match="seat 'right', expected a text"):
        match.submit({0: "heads", 1: None})  # type: ignore[dict-item]  # wrong on purpose
    assert match.replies == ()


@pytest.mark.parametrize(
    ("how", "reply", "score"),
    [("pattern", " 7 ", 7.0), ("parser", "7", 7.0), ("builtin", "7", 7.0), ("free", " four ", 4.0), ("free", "", 0.0)],
)
def test_every_kind_of_legality_takes_a_move(how: str, reply: str, score: float) -> None:
    match = LiveMatch(digits, {"how": how}, SEED)
    assert match.requests()[0].legal is None
    match.submit({0: reply})
    assert match.scores == (score,)


@pytest.mark.parametrize(
    ("how", "told"),
    [("pattern", "Illegal."), ("parser", "Illegal. '77' is no digit."), ("builtin", "Illegal. invalid literal")],
)
def test_every_kind_of_legality_refuses_what_is_no_move(how: str, told: str) -> None:
    match = LiveMatch(digits, {"how": how}, SEED, retries=1)
    match.submit({0: "77" if how != "builtin" else "seven"})
    assert match.view(0)[-2].text.startswith(told)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_whatever_ends_a_line_is_a_line_feed_to_the_game(end: str) -> None:
    heard = []

    @game(seats=("a",), bounds=(0.0, 1.0))
    async def lines(t: Table) -> Scores:
        heard.append(await t.ask(0, "Say:"))
        heard.append(await t.ask(0, "A line:", re.compile(r".{1,160}")))
        return t.share(1.0)

    match = LiveMatch(lines, {}, SEED, retries=1)
    match.submit({0: f"{end} one{end}two {end}"})
    assert match.submit({0: f"one{end}two"}) == {0}
    # Written down, and shown to who said it, is what was said.
    assert match.replies[-1] == f"one{end}two"
    match.submit({0: f"three{end}"})
    assert heard == ["one\ntwo", "three"]


def test_a_finished_match_takes_no_more() -> None:
    match = LiveMatch(pennies, {}, SEED)
    match.submit({0: "heads", 1: "heads"})
    with pytest.raises(GameError, match="is over"):
        match.submit({0: "heads"})
    assert match.requests() == ()
    assert match.scores == (1.0, -1.0)


def test_chance_is_recorded_and_follows_the_seed() -> None:
    @game(seats=("a",), bounds=(0.0, 1.0))
    async def draws(t: Table) -> Scores:
        t.choose(("x", "y"), (0.0, 2.0))
        t.deal(("j", "j", "q"), 2)
        t.shuffle((1, 2, 3))
        return t.draw()

    match = LiveMatch(draws, {}, SEED)
    assert match.chance == LiveMatch(draws, {}, SEED).chance
    first, second = match.chance[:2]
    assert (first.options, first.weights, first.chosen) == (("x", "y"), (0.0, 2.0), 1)
    # Equal options are one, with their number as weight.
    assert (second.options, second.weights) == (("j", "q"), (2.0, 1.0))
    assert len({tuple(drawn.chosen for drawn in LiveMatch(draws, {}, Seed(key)).chance) for key in range(40)}) > 5


def test_a_shuffle_is_even() -> None:
    @game(seats=("a",), bounds=(0.0, 1.0))
    async def shuffled(t: Table) -> Scores:
        t.truth(order="".join(t.shuffle(("a", "b", "c"))))
        return t.draw()

    counts: dict[object, int] = {}
    for key in range(3000):
        order = LiveMatch(shuffled, {}, Seed(key)).truths["order"]
        counts[order] = counts.get(order, 0) + 1
    # Chi-square with 5 degrees of freedom is above 20.5 once in 1000 draws; the seeds are fixed, so this holds or not.
    assert len(counts) == 6
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 20.5


def test_probes_rewards_truths_and_secrets_are_kept_and_not_shown() -> None:
    @game(seats=("a", "b"))
    async def told(t: Table) -> Scores:
        t.probe(length=3)
        t.truth(answer=42)
        t.secret("sesame", keep_from=1)
        await t.ask(0, "Say:")
        t.reward(1, 0.5, "listened")
        return t.draw()

    match = LiveMatch(told, {}, SEED)
    match.submit({0: "x"})
    assert (match.probes, match.truths) == ({"length": 3.0}, {"answer": 42})
    assert [(kept.text, kept.keep_from) for kept in match.secrets] == [("sesame", (1,))]
    assert [(given.seat, given.turn, given.delta, given.why) for given in match.rewards] == [(1, 1, 0.5, "listened")]
    assert match.view(1) == ()


class _Ready:
    """Something that can be awaited and is no table."""

    def __await__(self) -> Generator[str, None, None]:
        yield "sleep"


@pytest.mark.parametrize("foreign", [_Ready, lambda: asyncio.sleep(0), lambda: asyncio.sleep(1)])
def test_awaiting_anything_but_the_table_names_game_and_seat(foreign: Callable[[], Awaitable[None]]) -> None:
    @game(seats=("a", "b"))
    async def sleepy(t: Table) -> Scores:
        await t.ask(1, "Say:")
        await foreign()
        return t.draw()

    match = LiveMatch(sleepy, {}, SEED)
    with pytest.raises(GameError, match="sleepy awaited something other than its table after it asked seat 'b'"):
        match.submit({1: "x"})


def test_awaiting_another_match_s_table_is_refused() -> None:
    tables: list[Table] = []

    @game(seats=("a",))
    async def crossed(t: Table) -> Scores:
        tables.append(t)
        await tables[0].ask(0, "Say:")
        return t.draw()

    LiveMatch(crossed, {}, SEED)
    with pytest.raises(GameError, match="other than its table"):
        LiveMatch(crossed, {}, SEED)


@pytest.mark.parametrize("legal", [[], ["a", "a"], ["a "], ["a", " a"], [""], [" \n"], [1], "ab", 7, [""] * 100_001])
def test_a_list_of_moves_that_cannot_be_played_is_the_game_s_fault(legal: Sequence[str]) -> None:
    @game(seats=("a",))
    async def listed(t: Table) -> Scores:
        await t.ask(0, "Say:", legal)
        return t.draw()

    with pytest.raises(GameError, match="listed asked seat 'a'"):
        LiveMatch(listed, {}, SEED)


def test_a_list_of_moves_past_the_cap_names_what_to_give_instead() -> None:
    @game(seats=("a",))
    async def listed(t: Table) -> Scores:
        await t.ask(0, "Say:", [str(number) for number in range(100_001)])
        return t.draw()

    with pytest.raises(GameError, match=r"listed asked seat 'a' with 100001 options, expected at most 100000; give a compiled pattern"):
        LiveMatch(listed, {}, SEED)


def test_a_player_is_shown_something_before_it_is_asked() -> None:
    @game(seats=("a", "b"))
    async def mute(t: Table, *, told: str = "", prompt: str = "", at_once: bool = False) -> Scores:
        t.tell(1, "Hello.")
        t.tell(0, told)
        await (t.ask_all({0: prompt, 1: ""}) if at_once else t.ask(0, prompt))
        return t.draw()

    refused: list[Params] = [{}, {"prompt": " \n"}, {"told": "\t"}, {"at_once": True}]
    for params in refused:
        with pytest.raises(GameError, match="mute asked seat 0 .* and had shown it nothing"):
            LiveMatch(mute, params, SEED)
    taken: list[Params] = [{"told": "Your turn."}, {"prompt": "Say:"}, {"prompt": "Say:", "at_once": True}]
    for params in taken:
        assert LiveMatch(mute, params, SEED).requests()


@game(seats=("a", "b"))
async def faulty(t: Table, *, at: int = 0) -> Scores:
    """Fail before question `at`, or at its parser."""
    if at == 0:
        raise KeyError("ace")
    await t.ask(1, "Say:", (lambda text: {}[text]) if at == 9 else None)
    raise _NoCard("no card\nat all")


class _NoCard(LookupError):
    """A game's own exception."""


def test_a_failure_inside_a_game_names_game_seat_exception_and_how_to_see_it_again() -> None:
    with pytest.raises(GameError) as first:
        LiveMatch(faulty, {}, SEED)
    assert str(first.value) == "faulty failed before its first question: KeyError: 'ace'; played with {'at': 0}, seed 7, after 0 replies"
    assert isinstance(first.value.__cause__, KeyError)
    assert first.value.__cause__.__traceback__ is not None
    match = LiveMatch(faulty, {"at": 1}, SEED)
    with pytest.raises(GameError) as later:
        match.submit({1: "x"})
    assert str(later.value) == "faulty failed after it asked seat 'b': _NoCard: no card; played with {'at': 1}, seed 7, after 1 replies"


def test_a_parser_that_fails_names_the_reply() -> None:
    match = LiveMatch(faulty, {"at": 9}, SEED)
    with pytest.raises(GameError, match="faulty's parser failed on the reply 'x{60}' of seat 'b': KeyError: .*seed 7") as failed:
        match.submit({1: "x" * 500})
    assert isinstance(failed.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda t: t.tell(2, "x"),
        lambda t: t.tell(None, 5),
        lambda t: t.ask(-1, "x"),
        lambda t: t.ask(0, 5),
        lambda t: t.ask_all({0: ("x", None, None)}),
        lambda t: t.ask_all({0: "x", 5: "y"}),
        lambda t: t.ask_all({}),
        lambda t: t.win(2),
        lambda t: t.reward(9, 1.0, "x"),
        lambda t: t.secret("x", keep_from=(0, 2)),
        lambda t: t.choose([]),
        lambda t: t.choose([1, 2], [1.0]),
        lambda t: t.deal([1, 2], 3),
    ],
)
def test_a_table_misused_says_so(misuse: Callable[[Table], object]) -> None:
    @game(seats=("a", "b"))
    async def careless(t: Table) -> Scores:
        misuse(t)
        return t.draw()

    with pytest.raises(GameError, match="careless"):
        LiveMatch(careless, {}, SEED)


def test_scores_of_wins_draws_and_shares_keep_the_bounds() -> None:
    seen: dict[str, Scores] = {}

    def scored(name: str, num_seats: int, *, zero_sum: bool, bounds: tuple[float, float]) -> None:
        async def play(t: Table) -> Scores:
            seen[f"{name} win"], seen[f"{name} draw"] = t.win(0), t.draw()
            return t.draw()

        LiveMatch(game(seats=tuple("abc")[:num_seats], zero_sum=zero_sum, bounds=bounds)(play), {}, SEED)

    scored("zero-sum", 3, zero_sum=True, bounds=(-1.0, 1.0))
    scored("solo", 1, zero_sum=False, bounds=(0.0, 1.0))
    assert seen == {"zero-sum win": (1.0, -0.5, -0.5), "zero-sum draw": (0.0, 0.0, 0.0), "solo win": (1.0,), "solo draw": (0.5,)}


replies = st.lists(st.one_of(st.sampled_from(["high", "low", " high "]), st.text(max_size=6)), min_size=8, max_size=8)


@settings(max_examples=60, deadline=None)
@given(given_replies=replies, key=st.integers(0, 2**64 - 1), retries=st.integers(0, 2), max_turns=st.integers(0, 6))
def test_zero_sum_stays_zero_sum_whatever_is_said(given_replies: list[str], key: int, retries: int, max_turns: int) -> None:
    for played in (duel, pennies):
        match = LiveMatch(played, {}, Seed(key), retries=retries, max_turns=max_turns)
        _play(match, given_replies)
        assert match.scores is not None
        assert sum(match.scores) == 0
        assert all(-1 <= score <= 1 for score in match.scores)


@settings(max_examples=40, deadline=None)
@given(given_replies=replies, key=st.integers(0, 2**64 - 1), retries=st.integers(0, 2), cut=st.integers(0, 8))
def test_saving_loading_and_forking_give_the_same_match(given_replies: list[str], key: int, retries: int, cut: int) -> None:
    match = LiveMatch(duel, {}, Seed(key), retries=retries)
    _play(match, given_replies[:cut])
    loaded = LiveMatch.load(duel, json.loads(json.dumps(match.save())))
    fork = match.fork()
    assert loaded.requests() == fork.requests() == match.requests()
    for copy in (loaded, fork, match):
        _play(copy, given_replies[cut:])
    assert loaded.digest() == fork.digest() == match.digest()
    assert match.fork(0).replies == ()


def test_a_fork_goes_its_own_way() -> None:
    match = LiveMatch(duel, {}, SEED)
    _play(match, ["high", "low", "high"])
    fork = match.fork(1)
    _play(fork, ["high"])
    assert fork.replies == ("high", "high")
    assert match.replies == ("high", "low", "high")


def test_a_fork_cannot_cut_a_simultaneous_turn() -> None:
    match = LiveMatch(pennies, {}, SEED)
    match.submit({0: "heads", 1: "tails"})
    with pytest.raises(GameError, match="2 replies at once"):
        match.fork(1)
    with pytest.raises(GameError, match="cannot be forked at 3"):
        match.fork(3)


def test_a_match_saved_with_another_version_is_refused() -> None:
    saved = LiveMatch(duel, {}, SEED).save() | {"game_version": "0"}
    with pytest.raises(ReplayMismatch, match="version 0"):
        LiveMatch.load(duel, saved)


@pytest.mark.parametrize("change", [{"replies": ["low"] * 4}, {"seed": 9}, {"digest": "0"}])
def test_a_saved_match_that_was_altered_is_refused(change: dict[str, object]) -> None:
    match = LiveMatch(duel, {}, SEED)
    _play(match, ["high"] * 4)
    with pytest.raises(ReplayMismatch):
        LiveMatch.load(duel, match.save() | change)


def test_what_is_no_saved_match_is_refused() -> None:
    with pytest.raises(ReplayMismatch, match="not a saved match"):
        LiveMatch.load(duel, {"game": "duel"})


def test_a_game_with_chance_of_its_own_is_found_out() -> None:
    count = iter(range(100))

    @game(seats=("a",))
    async def restless(t: Table) -> Scores:
        t.tell(None, f"Game number {next(count)}.")
        await t.ask(0, "Say:")
        return t.draw()

    match = LiveMatch(restless, {}, SEED)
    with pytest.raises(ReplayMismatch, match="something besides its table"):
        match.fork()
    with pytest.raises(ReplayMismatch, match="something besides its table"):
        LiveMatch.load(restless, match.save())


def test_a_class_form_plays_like_a_function() -> None:
    class Coin(Game):
        """Say heads."""

        seats = ("a",)
        bounds = (0.0, 1.0)

        async def play(self, t: Table, *, right: str = "heads") -> Scores:
            return t.share(float(await t.ask(0, "Side:", ["heads", "tails"]) == right))

    params: Params = {"right": "tails"}
    match = LiveMatch(Coin(), params, SEED)
    match.submit({0: "tails"})
    assert match.scores == (1.0,)


def _play(match: LiveMatch, given_replies: Sequence[str]) -> None:
    """Answer every request with the next reply until either runs out."""
    rest = list(given_replies)
    while len(rest) >= len(match.requests()) > 0:
        match.submit({request.seat: rest.pop(0) for request in match.requests()})
