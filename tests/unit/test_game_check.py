"""The conformance check: it passes games that keep the contract and names the rule that one breaks."""

import itertools
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from socratic.errors import ConfigError, GameError
from socratic.game import Bot, Game, LiveMatch, Params, Scores, Seed, Table, game
from socratic.game.check import Finding, check_game
from socratic.game.time_limit import TimeIsUp, time_limit
from socratic.records import Episode
from socratic.registry import load_game

SETTLED = itertools.count()
SAY = ["x", "y"]


@game(seats=("a", "b"), zero_sum=True)
async def fair(t: Table) -> Scores:
    """Guess the coin that the other saw and speaks of."""
    coin = t.choose(SAY, hidden_from=1)
    t.secret("heads up", keep_from=1)
    t.tell(0, f"heads up: {coin}")
    said = await t.ask(0, "Say:", SAY)
    return t.win(1 if await t.ask(1, f"They say {said}. Guess:", SAY) == coin else 0)


async def _restless(t: Table) -> Scores:
    t.tell(None, f"Game {next(SETTLED)}.")
    return t.share(float(await t.ask(0, "Say:", SAY) == "x"))


async def _leaky(t: Table) -> Scores:
    t.secret("sesame", keep_from=1)
    t.tell(None, "Open sesame.")
    return t.share(float(await t.ask(0, "Say:", SAY) == "x"))


async def _telling(t: Table) -> Scores:
    coin = t.choose(SAY, hidden_from=1)
    t.tell(0, f"The coin is {coin}.")
    await t.ask(0, "Say:", SAY)
    # Not the coin itself, and yet it says which.
    t.tell(1, "Well." if coin == "x" else "Well!")
    return t.share(float(await t.ask(1, "Say:", SAY) == coin))


async def _listing(t: Table) -> Scores:
    coin = t.choose(SAY, hidden_from=1)
    return t.share(float(await t.ask(1, "Say:", ["x", "y", "z"] if coin == "x" else SAY) == coin))


async def _asking_first(t: Table) -> Scores:
    coin = t.choose(SAY, hidden_from=1)
    # Whom it asks depends on the coin, and what it shows then says so.
    if coin == "x":
        await t.ask(0, "Say:", SAY)
        t.tell(1, "They were asked.")
    return t.share(float(await t.ask(1, "Say:", SAY) == coin))


async def _asking_again(t: Table) -> Scores:
    coin = t.choose(SAY, hidden_from=1)
    said = await t.ask(1, "Say:", SAY)
    while coin == "x" and said == "y":
        said = await t.ask(1, "Say:", ["x", "y", "z"])
    return t.share(float(said == coin))


async def _dealing(t: Table) -> Scores:
    cards = t.deal(["j", "q", "k"], 2, hidden_from=(1, 0))
    # The other's card: seats mixed up.
    t.tell(0, f"Your card: {cards[1]}")
    t.tell(1, f"Your card: {cards[0]}")
    return t.share(float(await t.ask(0, "Say:", SAY) == await t.ask(1, "Say:", SAY)))


async def _endless(t: Table) -> Scores:
    while True:
        await t.ask(0, "Say:", SAY)


async def _talkative(t: Table) -> Scores:
    t.tell(0, "word " * 300_000)
    return t.share(float(await t.ask(0, "Say:", SAY) == "x"))


async def _constant(t: Table) -> Scores:
    await t.ask(0, "Say:", SAY)
    return t.share(1.0)


async def _lottery(t: Table) -> Scores:
    await t.ask(0, "Say:", SAY)
    return t.share(t.choose((0.0, 1.0)))


async def _greedy(t: Table) -> Scores:
    return t.share(5.0 if await t.ask(0, "Say:", SAY) == "x" else 0.0)


async def _fragile(t: Table) -> Scores:
    return t.share(float(int(await t.ask(0, "Say:"))))


async def _boastful(t: Table) -> Scores:
    return t.share(0.5 * (await t.ask(0, "Say:", SAY) == "x"))


async def _hanging(t: Table) -> Scores:
    while True:
        try:
            t.truth(turns=0)
        except ValueError:
            return t.draw()


async def _hanging_later(t: Table) -> Scores:
    await t.ask(0, "Say:", SAY)
    return await _hanging(t)


async def _stubborn(t: Table) -> Scores:
    said = await t.ask(0, "Say:")
    while said not in ("yes", *map(str, range(20)), "no", "a", "b", "pass", "accept"):
        t.truth(said=said)
    return t.share(float(said == "yes"))


class Verified(Game):
    """Say x."""

    seats = ("a",)
    bounds = (0.0, 1.0)
    is_right = True

    async def play(self, t: Table) -> Scores:
        return t.share(float(len(await t.ask(0, "Say something:")) == 1))

    def bot(self, name: str, params: Params | None = None) -> Bot | None:
        return lambda request, seed: "xx"[seed.integer(2, 5) :]

    def verify(self, record: Episode) -> Scores:
        return (float(len(record.turns[-1].reply) == 1) if self.is_right else 0.25,)


def test_a_game_that_keeps_the_contract_passes() -> None:
    report = check_game(fair)
    assert report.passed, report.findings
    assert {finding.rule for finding in report.findings if not finding.was_tried} == {"declared truths agree"}


@pytest.mark.parametrize(
    ("play", "rule"),
    [
        (_restless, "same seed and replies, same game"),
        (_leaky, "secrets are kept"),
        (_telling, "hidden draws stay hidden"),
        (_listing, "hidden draws stay hidden"),
        (_asking_first, "hidden draws stay hidden"),
        (_asking_again, "hidden draws stay hidden"),
        (_dealing, "hidden draws stay hidden"),
        (_endless, "ends"),
        (_talkative, "ends"),
        (_constant, "choices matter"),
        (_lottery, "choices matter"),
        (_greedy, "scores fit"),
        (_fragile, "odd replies are moves or refused"),
        (_boastful, "declared truths agree"),
    ],
)
def test_the_rule_that_a_game_breaks_is_named(play: Callable[..., object], rule: str) -> None:
    seats = ("a", "b") if play in {_leaky, _telling, _listing, _asking_first, _asking_again, _dealing} else ("a",)
    made = game(seats=seats, bounds=(0.0, 1.0), optimum=1.0)(play)  # type: ignore[arg-type]  # one of the coroutines above
    report = check_game(made, seeds=(0, 1))
    assert not report.passed
    assert not next(finding for finding in report.findings if finding.rule == rule).passed


def test_what_a_seat_can_tell_of_a_hidden_draw_is_shown_with_both_lines() -> None:
    made = game(seats=("a", "b"), bounds=(0.0, 1.0))(_telling)
    detail = _finding(made, "hidden draws stay hidden").detail
    assert detail.startswith("seed 0: seat 'b' can tell a draw that is hidden from it: it saw 'Well")
    assert "had '" in detail


def test_a_joint_optimum_that_is_too_low_is_found_and_one_that_is_not_reached_is_said() -> None:
    async def meet(t: Table) -> Scores:
        said = await t.ask_all({0: ("Say:", ["x", "y"]), 1: ("Say:", ["x", "y"])})
        return t.share(0.5 * (said[0] == said[1]) + 0.5 * (said[0] == said[1] == "x"))

    findings = {
        optimum: _finding(game(seats=("a", "b"), bounds=(0.0, 2.0), optimum=optimum)(meet), "declared truths agree")
        for optimum in (0.5, 1.0, 1.5)
    }
    assert "its optimum is 0.5, and the tree's value 1.0" in findings[0.5].detail
    assert findings[1.0].detail == "optimum agrees with the tree"
    assert findings[1.5].detail == "optimum 1.5 not exceeded: best responses in turn reach 1"
    outside = _finding(game(seats=("a",), bounds=(0.0, 1.0), optimum=3.0)(_constant), "declared truths agree")
    assert not outside.passed


def test_a_refusal_that_tells_a_secret_breaks_the_match_off() -> None:
    async def scolding(t: Table) -> Scores:
        t.secret("sesame", keep_from=0)

        def parse(text: str) -> str:
            raise ValueError("No: it is sesame.")

        await t.ask(0, "Say:", parse)
        return t.share(0.0)

    match = LiveMatch(game(seats=("a",), bounds=(0.0, 1.0))(scolding), {}, Seed(0), retries=1)
    with pytest.raises(GameError, match="keeps 'sesame' from it by t.secret"):
        match.submit({0: "x"})


def test_a_reply_that_cannot_be_written_down_is_made_one_that_can() -> None:
    async def echo(t: Table) -> Scores:
        t.tell(None, await t.ask(0, "Say:"))
        return t.share(0.0)

    match = LiveMatch(game(seats=("a",), bounds=(0.0, 1.0))(echo), {}, Seed(0))
    match.submit({0: "a\ud800b"})
    assert [line.text for line in match.view(0)] == ["Say:", "a?b", "a?b"]


def test_a_hash_seed_that_shows_is_found(tmp_path: Path) -> None:
    file = tmp_path / "hashed.py"
    file.write_text(
        "from socratic.game import Scores, Table, game\n\n\n"
        "@game(seats=('a',), bounds=(0.0, 1.0))\n"
        "async def hashed(t: Table) -> Scores:\n"
        "    word = ' '.join({'ab', 'cd', 'ef', 'gh', 'ij', 'kl'})\n"
        "    return t.share(float(await t.ask(0, word, ['x', 'y']) == 'x'))\n"
    )
    hashed = load_game(str(file))
    finding = _finding(hashed, "same game under another hash seed")
    assert not finding.passed
    assert "PYTHONHASHSEED" in finding.detail
    assert _finding(hashed, "same seed and replies, same game").passed


def test_a_verifier_is_held_against_play() -> None:
    verified = Verified()
    assert _finding(verified, "declared truths agree").detail == "verify agrees with 2 plays"
    verified.is_right = False
    assert not _finding(verified, "declared truths agree").passed


def test_what_could_not_be_tried_is_said() -> None:
    finding = _finding(Verified(), "secrets are kept")
    assert finding.passed
    assert not finding.was_tried
    assert "declares no t.secret" in finding.detail


def test_wrong_parameters_are_the_caller_s_mistake() -> None:
    with pytest.raises(ConfigError):
        check_game(fair, {"heap": 1})


@pytest.mark.parametrize(("play", "num_replies"), [(_hanging, 0), (_hanging_later, 1)])
def test_a_game_that_hangs_is_stopped_and_nothing_else_is_tried(play: Callable[..., object], num_replies: int) -> None:
    made = game(seats=("a",), bounds=(0.0, 1.0))(play)  # type: ignore[arg-type]  # one of the coroutines above
    report = check_game(made, seeds=(0, 1), step_limit_s=0.2)
    broken = [finding for finding in report.findings if not finding.passed]
    assert [finding.rule for finding in broken] == ["ends"]
    assert broken[0].detail == f"no question and no end within 0.2 s, after {num_replies} replies of {{}} with seed 0"
    assert not any(finding.was_tried for finding in report.findings[1:])


def test_a_reply_that_hangs_the_game_breaks_the_rule_that_tried_it() -> None:
    report = check_game(game(seats=("a",), bounds=(0.0, 1.0))(_stubborn), seeds=(0,), rule_limit_s=1.0)
    finding = next(finding for finding in report.findings if finding.rule == "odd replies are moves or refused")
    assert not finding.passed
    assert "not over within 1 s" in finding.detail


def test_a_timer_that_was_set_before_goes_on_after_a_time_limit() -> None:
    ring_before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    before = signal.setitimer(signal.ITIMER_REAL, 500.0)
    try:
        with time_limit(5.0):
            assert signal.getitimer(signal.ITIMER_REAL)[0] <= 5.0
        assert 400.0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500.0
    finally:
        signal.signal(signal.SIGALRM, ring_before)
        signal.setitimer(signal.ITIMER_REAL, *before)


def test_a_time_limit_interrupts_a_loop_in_the_main_thread_and_is_none_in_another() -> None:
    ended = []

    def spin() -> None:
        with time_limit(0.01):
            until = time.monotonic() + 0.1
            while time.monotonic() < until:
                pass
            ended.append(True)

    with pytest.raises(TimeIsUp):
        spin()
    assert not ended
    thread = threading.Thread(target=spin)
    thread.start()
    thread.join()
    assert ended == [True]


def _finding(made: Game, rule: str) -> Finding:
    return next(finding for finding in check_game(made, seeds=(0, 1)).findings if finding.rule == rule)


def test_a_game_that_random_play_never_wins_is_held_against_its_optimum() -> None:
    async def needle(t: Table) -> Scores:
        return t.share(1.0 if await t.ask(0, "Say:", [str(number) for number in range(5000)]) == "4321" else 0.0)

    assert _finding(game(seats=("a",), bounds=(0.0, 1.0), optimum=1.0)(needle), "choices matter").detail == (
        "every random play scored (0.0,), and optimal play scores 1"
    )
    assert not _finding(game(seats=("a",), bounds=(0.0, 1.0))(needle), "choices matter").passed
