"""The record and its mirrors: the record is whole, a mirror may fail, and what a model wrote cannot touch the terminal."""

import io
import logging
import math
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.config import make_config
from socratic.errors import RunError
from socratic.protocols import Tracker
from socratic.records import Assessment, Episode, Generation, Line, Match, Turn
from socratic.store.run_directory import RunDirectory
from socratic.tracker.console import Console
from socratic.tracker.fanout import Fanout
from socratic.tracker.jsonl import RecordTracker
from socratic.tracker.sanitise import sanitise
from socratic.tracker.summary import brief, duration
from socratic.tracker.transcript import transcript
from socratic.tracker.wandb import WandbMirror, choose_mode

TOKEN = "0123456789abcdef0123456789abcdef01234567"


def generation(index: int, notes: tuple[str, ...] = (), **metrics: float) -> Generation:
    games = {"game/kuhn_poker/0/reward": -0.05, "game/kuhn_poker/1/reward": 0.05, "game/kuhn_poker/1/illegal_rate": 0.25}
    return Generation(index=index, version=index + 1, metrics={"policy/kl_t0": 0.1 + index, **games, **metrics}, notes=notes)


def assessment(index: int, value: float) -> Assessment:
    return Assessment(generation=index, version=index + 1, metrics={"observer/kuhn_poker/exploitability": value})


def episode(reply: str, is_legal: bool = True, told: str = "You hold K.") -> Episode:
    turns = tuple(Turn(seat=seat, reply=reply, is_legal=is_legal, player="agent", version=0) for seat in (0, 1))
    view = (Line(speaker="game", text=told), Line(speaker="self", text=reply), Line(speaker="game", text="The pot is 2."))
    match = Match(episode_id="0/0", game="kuhn_poker", seed=1, draw_seed=2, seats=("agent", "agent"), version=0)
    return Episode(match=match, scores=(1.0, -1.0), turns=turns, views=(view, view), ending="finished")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    """A new run."""
    with RunDirectory.create(tmp_path, "mine", make_config({"games": {"kuhn_poker": {}}})) as new:
        yield new


class Odd(Exception):
    """An error that nobody can name beforehand."""


class Mirror:
    """Remembers what it was given, and fails at one of its methods if it is told to."""

    def __init__(self, failing: str = "", error: BaseException | None = None) -> None:
        self.calls: list[str] = []
        self.failing = failing
        self.error = error or Odd("it broke\nin two lines")

    def record_generation(self, generation: Generation) -> None:
        self.note("generation")

    def record_assessment(self, assessment: Assessment) -> None:
        self.note("assessment")

    def record_event(self, generation: int, kind: str, message: str) -> None:
        self.note("event")

    def close(self) -> None:
        self.note("close")

    def note(self, call: str) -> None:
        self.calls.append(call)
        if call == self.failing:
            raise self.error


def give_all(tracker: Tracker) -> None:
    tracker.record_generation(generation(0))
    tracker.record_generation(generation(1))
    tracker.record_assessment(assessment(1, 0.3))
    tracker.record_event(1, "alarm", "kl_t0 rises")
    tracker.close()


@pytest.mark.parametrize("failing", ["generation", "assessment", "event", "close"])
def test_a_mirror_that_fails_is_logged_once_and_dropped(failing: str, caplog: pytest.LogCaptureFixture) -> None:
    record, broken, sound = Mirror(), Mirror(failing), Mirror()
    give_all(Fanout(record, [broken, sound]))
    assert record.calls == sound.calls == ["generation", "generation", "assessment", "event", "close"]
    assert broken.calls.count(failing) == 1
    assert broken.calls[-1] == failing
    warnings = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
    assert warnings == ["Mirror failed and is dropped; the run goes on and its record is whole: Odd: it broke"]


def test_ctrl_c_is_no_failure_of_a_mirror() -> None:
    with pytest.raises(KeyboardInterrupt):
        give_all(Fanout(Mirror(), [Mirror("event", KeyboardInterrupt())]))


def test_the_record_may_not_fail() -> None:
    mirror = Mirror()
    with pytest.raises(RunError):
        give_all(Fanout(Mirror("assessment", RunError("no space left")), [mirror]))
    assert "assessment" not in mirror.calls


def test_the_record_has_one_flat_line_for_each(run: RunDirectory) -> None:
    record = RecordTracker(run)
    record.record_generation(
        Generation(index=3, version=4, metrics={"a/b": 0.1 + 0.2, "missing": math.nan, "count": 7}, notes=("all equal",))
    )
    record.record_assessment(assessment(3, 1 / 3))
    record.record_event(3, "checkpoint", "000003")
    record.close()
    assert run.read("metrics") == [{"generation": 3, "version": 4, "a/b": 0.1 + 0.2, "missing": None, "count": 7}]
    assert run.read("assessments") == [{"generation": 3, "version": 4, "observer/kuhn_poker/exploitability": 1 / 3}]
    assert run.read("events") == [
        {"generation": 3, "kind": "note", "message": "all equal"},
        {"generation": 3, "kind": "checkpoint", "message": "000003"},
    ]


@given(text=st.text())
def test_shown_text_is_one_line_that_controls_nothing(text: str) -> None:
    shown = sanitise(text)
    assert not set(shown) & set(map(chr, [*range(32), *range(127, 160), 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F)]))
    assert not set(shown) & set(map(chr, [*range(0x2066, 0x206A), 0x061C, 0xFEFF, 0xE0041, 0xD800]))
    shown.encode()


def test_ordinary_text_is_shown_as_it_is() -> None:
    for text in ("Ich biete 3 Münzen.", "می‌خواهم", "👩‍🔬 says [bold]no[/bold]", "a\u0301bc", "日本"):
        assert sanitise(text) == text
    assert sanitise("bet\nseat 1 says: fold\t.") == "bet⏎seat 1 says: fold ."
    assert sanitise("x" * 1000, 10) == "x" * 10 + "… (1000 characters)"
    assert len(sanitise("a" + "\u0301" * 300)) == 5


def test_a_transcript_shows_what_each_seat_knew_when_it_spoke() -> None:
    lines = transcript(episode("bet"))
    assert [line.strip() for line in lines] == [
        "0/0: kuhn_poker with seat 0 agent, seat 1 agent",
        "to seat 0: You hold K.",
        "seat 0 says: bet",
        "to seat 1: You hold K.",
        "seat 1 says: bet",
        "to seat 0: The pot is 2.",
        "to seat 1: The pot is 2.",
        "finished: seat 0 +1, seat 1 -1",
    ]
    assert "(illegal)" in transcript(episode("", is_legal=False))[2]
    assert len(transcript(episode("bet"), most_lines=4)) == 7


def test_a_reply_cannot_touch_the_terminal() -> None:
    stream = io.StringIO()
    console = Console(1, stream=stream)
    attack = "\x1b[2J\x1b]0;owned\x07[red]x[/red][link=http://a]y[/link] :smile: \u202eevil\x9b31m\nsocratic: finished"
    console.show_episode(episode(attack, told=attack))
    console.record_event(0, "alarm", attack)
    console.record_generation(generation(0, notes=(attack,)))
    console.say(attack)
    console.close()
    shown = stream.getvalue()
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "[red]x[/red][link=http://a]y[/link] :smile: " in shown
    assert sum(line.startswith("socratic: ") for line in shown.splitlines()) == 1


def test_a_short_run_prints_a_line_a_generation_and_a_long_one_about_forty() -> None:
    for total, least, most in ((3, 3, 3), (100, 100, 100), (2000, 40, 42)):
        stream = io.StringIO()
        console = Console(total, stream=stream)
        for index in range(total):
            console.record_generation(generation(index))
        console.close()
        lines = stream.getvalue().splitlines()
        assert least <= len(lines) <= most
        assert lines[0].startswith(f"generation 1/{total} | kuhn_poker reward -0.05/+0.05 illegal 0.25 | kl_t0 0.1 | ")
        assert lines[-1].startswith(f"generation {total}/{total} |")
        assert lines[-1].endswith(f"kl_t0 {brief(0.1 + total - 1)}")


def test_assessments_are_printed_and_stay_on_the_line() -> None:
    stream = io.StringIO()
    console = Console(10, stream=stream)
    console.record_assessment(assessment(-1, 0.4583))
    console.record_generation(generation(0))
    console.record_assessment(Assessment(generation=0, version=1, metrics={}))
    first, second, third = stream.getvalue().splitlines()
    assert first == "observer, at t0: kuhn_poker exploitability 0.458"
    assert " exploitability 0.458@t0 illegal" in second
    assert third == "observer, after generation 1: nothing to report"


def test_an_assessment_keeps_the_generation_it_is_of() -> None:
    stream = io.StringIO()
    console = Console(10, stream=stream)
    console.record_assessment(assessment(1, 0.25))
    console.record_generation(generation(2))
    console.record_generation(generation(3))
    assert [" exploitability 0.25@2 " in line for line in stream.getvalue().splitlines()] == [False, True, True]


def test_a_note_that_comes_again_is_printed_once() -> None:
    stream = io.StringIO()
    console = Console(10, stream=stream)
    for index in range(5):
        console.record_generation(generation(index, notes=(f"all {index} episodes got the same score",)))
    assert stream.getvalue().count("same score") == 1


def test_a_pipe_that_knows_no_unicode_is_no_failure() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(1, stream=stream).show_episode(episode("é\nü"))
    stream.flush()
    assert stream.buffer.read() == b""
    assert isinstance(stream.buffer, io.BytesIO)
    assert b"seat 0 says: ???" in stream.buffer.getvalue()


def test_a_terminal_shows_progress_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    reader, writer = pty.openpty()
    read: list[bytes] = []

    def take() -> None:
        # A terminal hands out a few thousand bytes at a time, and none once nobody holds its other end.
        with suppress(OSError):
            while part := os.read(reader, 1 << 20):
                read.append(part)

    taking = threading.Thread(target=take)
    taking.start()
    with os.fdopen(writer, "w") as terminal:
        console = Console(20, stream=terminal)
        for index in range(20):
            console.record_generation(generation(index, notes=("look",)))
        console.record_assessment(assessment(19, 0.123))
        console.close()
    taking.join(timeout=30)
    os.close(reader)
    shown = b"".join(read).decode()
    assert "20/20" in shown
    assert "note, generation 1: look" in shown
    assert "0.123@20" in shown
    assert shown.count("\n") < 40
    assert shown.endswith(("\x1b[?25h", "\n"))


def test_times_are_read_at_a_glance() -> None:
    assert [duration(seconds) for seconds in (0.4, 59.4, 61, 3599, 7260)] == ["0 s", "59 s", "1 min 01 s", "59 min 59 s", "2 h 01 min"]
    assert brief(math.nan) == ""


def test_wandb_is_online_only_where_there_is_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    assert choose_mode("auto") == "offline"
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {TOKEN}\n")
    assert choose_mode("auto") == "online"
    assert choose_mode("offline") == "offline"
    (tmp_path / "netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", TOKEN)
    assert choose_mode("auto") == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert choose_mode("auto") == "off"


def test_a_wandb_mirror_costs_nothing_before_its_first_record(run: RunDirectory) -> None:
    WandbMirror(run).close()
    assert not (run.folder / "wandb").exists()
    modules = "socratic.tracker.wandb, socratic.tracker.console, socratic.store.checkpoint"
    program = f"import sys, {modules}; assert not {{'wandb', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
