"""The run directory: names, the lock, the record, and what happens when the disk refuses."""

import contextlib
import errno
import json
import math
import os
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic.config import Config, make_config
from socratic.errors import ConfigError, RunError, RunExists
from socratic.records import Episode, Feedback, Json, Line, Match, Turn
from socratic.store import provenance
from socratic.store.durable import explained, write_atomically
from socratic.store.episodes import choose_episodes, episode_from_json, episode_to_json
from socratic.store.lines import read_lines, to_line
from socratic.store.listing import list_runs
from socratic.store.redaction import REDACTED, redact, redact_values
from socratic.store.run_directory import RunDirectory
from socratic.store.toml import to_toml

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
# TOML files are UTF-8, which has no lone surrogates; pydantic refuses them before anything is written.
TOML_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TOML_VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | FINITE | TOML_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TOML_TEXT, inner, max_size=4),
    max_leaves=12,
)


def config(**sections: object) -> Config:
    return make_config({"games": {"kuhn_poker": {}}, **sections})  # type: ignore[dict-item]  # objects that the model checks


def episode(name: str, game: str = "kuhn_poker") -> Episode:
    turn = Turn(
        seat=1,
        reply="bet\x1b \ud800",
        is_legal=True,
        player="agent",
        version=3,
        context_ids=(1, 2, 3),
        token_ids=(4, 5),
        logprobs=(-0.1, -1e-300),
        allowed=((4, 6), (5,)),
    )
    view = (Line(speaker="game", text="You hold K."), Line(speaker="self", text="bet"))
    match = Match(episode_id=name, game=game, params={"cards": 3}, seed=2**63 + 1, draw_seed=7, seats=("agent", "t0"), version=3, group=2)
    return Episode(
        match=match, scores=(0.1 + 0.2, -0.3), turns=(turn,), views=(view, view), ending="forfeit", forfeiter=1, probes={"a": 0.1}
    )


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """Let no file grow past `size` bytes: the kernel itself then refuses, in the middle of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_new_run_holds_its_config_and_says_it_is_closed(tmp_path: Path) -> None:
    settings = config(title="a 'title'\n\"\x7f\u202e", learner={"lr": 1e-5}, games={"a.b:c d": {"params": {"x": 1.0, "y": True, "z": "é"}}})
    with RunDirectory.create(tmp_path, "first", settings, games={"a.b:c d": "abc"}) as run:
        assert run.config() == settings
        manifest = run.manifest()
        assert (manifest["opened"], manifest["openings"], manifest["state"], manifest["games"]) == (
            False,
            [],
            "running",
            {"a.b:c d": "abc"},
        )
        assert manifest["config_sha256"] == provenance.config_hash(run.config())
        run.note_opening(12, "observer stopped the run")
        run.set_state("stopped")
        opened = RunDirectory.open(tmp_path, "first").manifest()
    openings = opened["openings"]
    assert isinstance(openings, list)
    assert isinstance(openings[0], dict)
    assert (opened["opened"], openings[0]["generation"], openings[0]["what"]) == (True, 12, "observer stopped the run")
    assert opened["state"] == "stopped"


@given(values=st.dictionaries(TOML_TEXT, TOML_VALUES, max_size=5))
def test_toml_reads_back_equal(values: dict[str, object]) -> None:
    assert tomllib.loads(to_toml(values)) == values  # type: ignore[arg-type]  # drawn as JSON


@given(record=st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=5))
def test_a_line_reads_back_equal_to_the_last_bit(record: dict[str, object]) -> None:
    line = to_line(record)  # type: ignore[arg-type]  # drawn as JSON
    assert line.count(b"\n") == 1
    assert json.loads(line) == record


def test_a_number_that_is_missing_is_null() -> None:
    assert to_line({"a": math.nan, "b": [1.0, math.inf], "c": 0.0}) == b'{"a":null,"b":[1.0,null],"c":0.0}\n'


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".hidden", "a b", "x" * 65, "-x", "a\n"])
def test_a_name_with_a_path_in_it_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RunDirectory.create(tmp_path, name, config())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_exists_is_never_started_again(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path, "mine", config()).close()
    with pytest.raises(RunExists, match=r"socratic resume mine.*--name"):
        RunDirectory.create(tmp_path, "mine", config())


def test_without_a_name_the_first_free_number_is_taken(tmp_path: Path) -> None:
    for expected in ("quickstart-1", "quickstart-2"):
        with RunDirectory.create(tmp_path, None, config(), stem="quickstart") as run:
            assert run.name == expected


def test_a_run_that_is_missing_names_its_neighbours(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no runs"):
        RunDirectory.open(tmp_path / "nowhere", "kuhn")
    RunDirectory.create(tmp_path, "kuhn-poker", config()).close()
    with pytest.raises(RunError, match=r"did you mean kuhn-poker\?"):
        RunDirectory.open(tmp_path, "kuhn-pokr")


def test_one_process_writes_a_run_and_death_frees_it(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path, "mine", config())
    program = (
        "import sys, pathlib; from socratic.store.run_directory import RunDirectory as R\n"
        "run = R.open(pathlib.Path(sys.argv[1]), 'mine'); run.lock(); print('locked', flush=True); import os; os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"being written by process {os.getpid()}" in refused.stderr
    run.close()
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (killed.stdout, killed.returncode) == ("locked\n", -9)
    run.lock()
    run.close()


def test_reading_needs_no_lock_and_writing_does(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        run.append("metrics", {"generation": 0})
        reader = RunDirectory.open(tmp_path, "mine")
        assert reader.is_locked()
        assert reader.read("metrics") == [{"generation": 0}]
        with pytest.raises(RunError, match="lock it"):
            reader.append("metrics", {"generation": 1})
    assert not reader.is_locked()


def test_resume_cuts_back_to_the_checkpoint(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        run.append("metrics", {"generation": 0})
        run.record_episodes(0, [episode("0/0")])
        offsets = run.offsets()
        run.append("metrics", {"generation": 1})
        run.append("events", {"generation": 1})
        run.record_episodes(1, [episode("1/0")])
    with (run.folder / "metrics.jsonl").open("ab") as file:
        file.write(b'{"generation": 2, "torn')
    with RunDirectory.open(tmp_path, "mine") as again:
        assert again.read("metrics") == [{"generation": 0}, {"generation": 1}]
        again.lock()
        again.cut(offsets, 1)
        again.append("metrics", {"generation": 1, "again": True})
        assert again.read("metrics") == [{"generation": 0}, {"generation": 1, "again": True}]
        assert again.read("events") == []
        assert (len(again.episodes(0)), again.episodes(1)) == (1, [])
        with pytest.raises(RunError, match="lines were lost"):
            again.cut({**offsets, "metrics": 10_000}, 1)


def test_a_torn_last_line_is_gone_before_the_next_is_written(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        run.append("metrics", {"generation": 0, "long": "x" * 200_000})
    with (run.folder / "metrics.jsonl").open("ab") as file:
        file.write(b"x" * 100_000)
    run.lock()
    run.append("metrics", {"generation": 1})
    run.close()
    assert [row["generation"] for row in run.read("metrics")] == [0, 1]
    assert run.generations_done() == 2


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n{"a": \n{"a": 3}\n')
    with pytest.raises(RunError, match="line 2"):
        read_lines(tmp_path / "x.jsonl")


def test_an_episode_reads_back_equal(tmp_path: Path) -> None:
    said = Feedback(episode_id="1/0", rewards=(0.25, -0.25), critic="outcome")
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        assert run.record_episodes(12, [episode("1/0"), episode("1/1")], [said]) == 2
        first, second = run.episodes(12)
    assert (first.episode, first.feedback, second.feedback) == (episode("1/0"), said, None)
    assert (run.folder / "episodes" / "000012.jsonl").is_file()
    unsure = episode_from_json(episode_to_json(episode("1/0"), Feedback(episode_id="1/0", rewards=(math.nan, 1.0), critic="judge")))
    assert unsure.feedback is not None
    assert math.isnan(unsure.feedback.rewards[0])


def test_a_small_share_shows_every_game() -> None:
    played = [episode(f"a/{i}", "a") for i in range(90)] + [episode(f"b/{i}", "b") for i in range(10)]
    assert choose_episodes(played, 0.04) == [0, 1, 90, 91]
    assert len(choose_episodes(played, 0.07)) == 7
    assert choose_episodes(played, 0.0) == []
    assert choose_episodes(played, 1.0) == list(range(100))


def test_another_process_may_ask_the_run_to_leave(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        assert not run.is_stop_requested()
        RunDirectory.open(tmp_path, "mine").request_stop()
        assert run.is_stop_requested()
        run.clear_stop()
        assert not run.is_stop_requested()


def test_a_full_disk_is_one_clear_line_and_leaves_no_half_written_line(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path, "mine", config()) as run:
        run.append("metrics", {"generation": 0})
        with disk_of(3000):
            with pytest.raises(RunError, match=r"no space left for .*metrics\.jsonl.*socratic resume") as caught:
                run.append("metrics", {"generation": 1, "text": "x" * 5000})
            with pytest.raises(RunError, match="no space left"):
                run.record_episodes(1, [episode(f"1/{i}") for i in range(10)])
            with pytest.raises(RunError, match="no space left"):
                run.amend({"long": "x" * 5000})
        assert "\n" not in str(caught.value)
        assert (run.folder / "metrics.jsonl").read_bytes() == b'{"generation":0}\n'
        assert list((run.folder / "episodes").iterdir()) == []
        assert "long" not in run.manifest()
        run.append("metrics", {"generation": 1})
        assert len(run.read("metrics")) == 2


def test_a_run_that_finds_no_space_to_begin_leaves_nothing(tmp_path: Path) -> None:
    with disk_of(100), pytest.raises(RunError, match="no space left"):
        RunDirectory.create(tmp_path, "mine", config())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--runs-dir"), explained(tmp_path):
        raise OSError(errno.EROFS, "Read-only file system")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot write"):
        RunDirectory.create(tmp_path / "file", "mine", config())


def test_writing_atomically_keeps_the_old_content_when_it_fails(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    with disk_of(10), pytest.raises(RunError):
        write_atomically(tmp_path / "a", b"new" * 10)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a", b"old")]


def test_a_list_tells_a_killed_run_from_one_that_runs(tmp_path: Path) -> None:
    running = RunDirectory.create(tmp_path, "a", config(generations=7, seed=3))
    running.append("metrics", {"generation": 4, "long": "x" * 100_000})
    RunDirectory.create(tmp_path, "b", config()).close()
    with RunDirectory.create(tmp_path, "c", config()) as finished:
        finished.set_state("finished")
    RunDirectory.create(tmp_path, "d", config()).close()
    (tmp_path / "d" / "manifest.json").write_text("{")
    (tmp_path / "not-a-run").mkdir()
    rows = list_runs(tmp_path)
    running.close()
    assert [(row.name, row.state) for row in rows] == [("a", "running"), ("b", "killed"), ("c", "finished"), ("d", "damaged")]
    assert (rows[0].generations_done, rows[0].generations, rows[0].seed, rows[0].is_opened) == (5, 7, 3, False)
    assert list_runs(tmp_path / "nowhere") == []


def test_secrets_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789abcdef0123456789abcdef01234567")
    token = "hf_" + "A1b2C3d4" * 4
    for title in (token, "with 0123456789abcdef0123456789abcdef01234567"):
        with pytest.raises(ConfigError, match=r"^title looks like a secret.*through the environment$"):
            RunDirectory.create(tmp_path / "runs", "mine", config(title=title))
    secret = config(games={"a": {"params": {"api_key": "plain"}}})
    with pytest.raises(ConfigError, match=r"^games\.a\.params\.api_key looks like a secret"):
        RunDirectory.create(tmp_path / "runs", "mine", secret)
    assert not (tmp_path / "runs").exists()
    games: dict[str, Json] = {"find_key": "abc"}
    with RunDirectory.create(tmp_path, "mine", config(games={"find_key": {}}), games=games) as run:
        run.note_opening(1, f"an API judge with {token}")
    for path in run.folder.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()
            assert b"0123456789abcdef0123456789abcdef01234567" not in path.read_bytes()
    assert REDACTED in (run.folder / "manifest.json").read_text()
    assert run.manifest()["games"] == games


@pytest.mark.parametrize(
    "secret",
    ["sk-abcdefghijklmnop1234", "ghp_" + "a1" * 18, "AKIA" + "ABCD1234" * 2, "wandb_v1_" + "x9" * 12, "xoxb-1234567890-abc"],
)
def test_well_known_keys_are_redacted_by_shape(secret: str) -> None:
    assert redact(f"x {secret} y", {}) == f"x {REDACTED} y"


def test_an_ordinary_setting_is_not_taken_for_a_secret() -> None:
    values = config(title="task-force of disk-like things, sk-8").model_dump(mode="json")
    assert redact_values(values, {"MY_KEY": "true", "PATH": "kuhn_poker"}) == values
    assert redact_values({"api_key": "plain", "max_new_tokens": 3, "url": "https://me:pw1@host/x"}, {}) == {
        "api_key": REDACTED,
        "max_new_tokens": 3,
        "url": f"https://{REDACTED}@host/x",
    }
