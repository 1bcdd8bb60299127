"""Many runs: finished ones are not run again, one that fails loses no other, and Ctrl-C leaves what can be gone on with."""

import io
import signal
import sys
from pathlib import Path

import pytest

from socratic.config import load_config
from socratic.errors import ConfigError, Interrupted, RunError
from socratic.store.run_directory import RunDirectory
from socratic.studies.frame import ALWAYS, Crew, PlannedRun, Point
from socratic.studies.progress import StudyProgress

PROGRAM = (sys.executable, str(Path(__file__).parent / "study_program.py"))
CONFIG = "generations = 2\n[games.kuhn_poker]\nepisodes = 8\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A small run's file."""
    path = tmp_path / "small.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def said() -> io.StringIO:
    """What a study prints."""
    return io.StringIO()


@pytest.fixture
def crew(tmp_path: Path, said: io.StringIO) -> Crew:
    """A crew of two that runs the stand-in."""
    return Crew(tmp_path / "study", 2, StudyProgress(said), PROGRAM)


def made(folder: Path, name: str, config: Path, *overrides: str) -> RunDirectory:
    """Make a run as the crew would, still locked."""
    return RunDirectory.create(folder / "study" / "runs", name, load_config([config], [*overrides, *ALWAYS]))


def log_of(folder: Path, name: str) -> str:
    """Return what a run printed."""
    return (folder / "study" / "logs" / f"{name}.log").read_text()


def test_what_is_planned_is_run_and_can_be_read(crew: Crew, config: Path, said: io.StringIO) -> None:
    ran = crew.run([PlannedRun(name=f"run-{seed}", config=config, overrides=(f"seed={seed}",)) for seed in (0, 1)])
    assert ran.failed == {}
    assert [run.config.seed for run in ran.finished.values()] == [0, 1]
    (first, _) = ran.finished.values()
    assert first.config.play.executor == "local"
    assert first.curve("observer/kuhn_poker/exploitability") == (Point(generation=1, value=0.25), Point(generation=2, value=0.25))
    assert first.curve("observer/kuhn_poker/absent") == ()
    assert first.seconds > 0
    assert "2 of 2 runs" in said.getvalue()


def test_a_finished_run_is_not_run_again(crew: Crew, config: Path, tmp_path: Path) -> None:
    planned = PlannedRun(name="once", config=config)
    before = crew.run([planned]).finished["once"]
    after = crew.run([planned, PlannedRun(name="another", config=config)])
    assert log_of(tmp_path, "once") == "begun\n"
    assert after.finished["once"].seconds == before.seconds
    assert len(after.finished) == 2


def test_a_run_that_fails_is_said_and_loses_no_other(crew: Crew, config: Path, said: io.StringIO) -> None:
    names = ("a", "fails", "b")
    ran = crew.run([PlannedRun(name=name, config=config) for name in names])
    assert ran.failed == {"fails": "no luck"}
    assert list(ran.finished) == ["a", "b"]
    assert "fails failed: no luck" in said.getvalue()


def test_a_run_that_was_broken_off_is_resumed(crew: Crew, config: Path, tmp_path: Path) -> None:
    made(tmp_path, "half", config).close()
    assert list(crew.run([PlannedRun(name="half", config=config)]).finished) == ["half"]
    assert log_of(tmp_path, "half") == "resumed\n"


def test_a_folder_that_is_no_run_yet_is_begun_anew(crew: Crew, config: Path, tmp_path: Path) -> None:
    (tmp_path / "study" / "runs" / "torn" / "episodes").mkdir(parents=True)
    assert list(crew.run([PlannedRun(name="torn", config=config)]).finished) == ["torn"]
    assert log_of(tmp_path, "torn") == "begun\n"


def test_a_run_of_another_configuration_is_refused(crew: Crew, config: Path, tmp_path: Path) -> None:
    made(tmp_path, "other", config, "seed=5").close()
    with pytest.raises(ConfigError, match="another configuration"):
        crew.run([PlannedRun(name="other", config=config)])


def test_a_run_that_somebody_writes_is_refused(crew: Crew, config: Path, tmp_path: Path) -> None:
    with made(tmp_path, "held", config), pytest.raises(RunError, match="held .* being written by another process"):
        crew.run([PlannedRun(name="held", config=config)])


class Impatient(StudyProgress):
    """Presses Ctrl-C once the first run has begun."""

    is_pressed = False

    def show(self, done: float, total: float, runs: str) -> str:
        if done > 0 and not self.is_pressed:
            self.is_pressed = True
            signal.raise_signal(signal.SIGINT)
        return super().show(done, total, runs)


def test_ctrl_c_leaves_runs_that_the_next_call_resumes(config: Path, tmp_path: Path, said: io.StringIO) -> None:
    planned = [PlannedRun(name=name, config=config) for name in ("waits", "later")]
    with pytest.raises(Interrupted, match="goes on"):
        Crew(tmp_path / "study", 1, Impatient(said), PROGRAM).run(planned)
    assert "leaving: 1 run(s)" in said.getvalue()
    assert "failed" not in said.getvalue()
    assert not (tmp_path / "study" / "runs" / "later").exists()
    ran = Crew(tmp_path / "study", 1, StudyProgress(said), PROGRAM).run(planned)
    assert list(ran.finished) == ["waits", "later"]
    assert log_of(tmp_path, "waits") == "begun\nresumed\n"


def test_the_time_left_counts_only_what_was_done_in_this_call() -> None:
    times = iter([100.0, 110.0])
    progress = StudyProgress(io.StringIO(), clock=lambda: next(times))
    assert progress.show(50, 100, "") == ""  # these were there before
    assert progress.show(60, 100, "") == "40 s left"


@pytest.mark.system
def test_a_real_run_goes_through(config: Path, tmp_path: Path, said: io.StringIO) -> None:
    tiny = ("generations=1", "policy.hidden=16", "policy.heads=2", "policy.warmup.steps=1")
    ran = Crew(tmp_path / "study", 1, StudyProgress(said)).run([PlannedRun(name="tiny", config=config, overrides=tiny)])
    assert ran.failed == {}
    assert ran.finished["tiny"].curve("observer/kuhn_poker/exploitability")
