"""Each import contract keeps the tree as it is, and goes red when somebody breaks it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRACTS = {contract["id"]: contract["name"] for contract in SETTINGS["tool"]["importlinter"]["contracts"]}
LAYERS = [name.strip("() ") for layer in SETTINGS["tool"]["importlinter"]["contracts"][0]["layers"] for name in layer.split("|")]

# A module that somebody might write, what it would say, and the contract that must stop it.
BREACHES = [
    ("socratic/seeds_of_doubt.py", "", "layers"),
    ("socratic/build/planted.py", "import socratic.studies", "layers"),
    ("socratic/utils.py", "", "layers"),
    ("socratic/play/planted.py", "import socratic.build", "layers"),
    ("socratic/play/planted.py", "from socratic import learner", "layers"),
    ("socratic/game/planted.py", "import socratic.protocols", "layers"),
    ("socratic/store/planted.py", "def load() -> None:\n    import socratic.play", "layers"),
    ("socratic/play/planted.py", "import socratic.observer", "closure"),
    ("socratic/critics/sown.py", "import socratic.tracker", "closure"),
    ("socratic/learner/planted.py", "import socratic.observer", "closure"),
    ("socratic/metagame/planted.py", "import socratic.observer", "closure"),
    ("socratic/guard/planted.py", "from socratic import observer", "closure"),
    ("socratic/policy/planted.py", "def probe() -> None:\n    import socratic.observer", "closure"),
    ("socratic/loop", "import socratic.tracker", "closure"),
    ("socratic/loop", "import socratic.play", "loop"),
    ("socratic/loop", "import socratic.policy", "loop"),
    ("socratic/loop", "import socratic.store", "loop"),
    ("socratic_games/planted.py", "import socratic.seeds", "games"),
    ("socratic_games/planted.py", "from socratic.records import Match", "games"),
    ("socratic_games/planted.py", "import socratic.play", "games"),
    ("socratic/build", "import socratic_games.sticks", "no-game"),
    ("socratic_games/planted.py", "import torch", "torch"),
    ("socratic/observer/planted.py", "import torch", "torch"),
    ("socratic/critics/sown.py", "def score() -> None:\n    from transformers import AutoModel", "torch"),
    ("socratic/learner/planted.py", "import transformers", "torch"),
    ("socratic/play/planted.py", "import ray", "ray"),
    ("socratic/learner/planted.py", "from ray.util import queue", "ray"),
    ("socratic/tracker/planted.py", "import wandb", "wandb"),
    ("socratic/policy/planted.py", "import accelerate", "accelerate"),
    ("socratic/learner/planted.py", "import peft", "peft"),
    ("socratic/play/planted.py", "import pydantic_monty", "monty"),
    ("socratic/play/planted.py", "import openskill", "openskill"),
    ("socratic/tracker/planted.py", "import matplotlib", "matplotlib"),
    ("socratic/play/planted.py", "import textarena", "bridges"),
    ("socratic/bridges/planted.py", "import pyspiel", "bridges"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the packages and their contracts, to be broken; a layer that is not written yet stands there empty."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    without_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "socratic", tmp_path / "socratic", ignore=without_caches)
    shutil.copytree(ROOT / "games", tmp_path / "socratic_games", ignore=without_caches)
    for layer in LAYERS:
        if not (tmp_path / f"socratic/{layer}.py").exists():
            (tmp_path / "socratic" / layer).mkdir(exist_ok=True)
            (tmp_path / "socratic" / layer / "__init__.py").touch()
    return tmp_path


def verdicts(tree: Path) -> dict[str, bool]:
    """Return for each contract whether the tree keeps it."""
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(lint, cwd=tree, capture_output=True, text=True, check=False, timeout=60)
    kept = {name: f"{title} KEPT" in done.stdout for name, title in CONTRACTS.items()}
    for name, title in CONTRACTS.items():
        assert kept[name] or f"{title} BROKEN" in done.stdout, done.stdout + done.stderr
    assert (done.returncode == 0) == all(kept.values())
    return kept


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    assert verdicts(tree) == dict.fromkeys(CONTRACTS, True)


@pytest.mark.parametrize(("place", "planted", "contract"), BREACHES)
def test_a_planted_breach_is_stopped(tree: Path, place: str, planted: str, contract: str) -> None:
    file_name = place if place.endswith(".py") else f"{place}.py" if (tree / f"{place}.py").exists() else f"{place}/__init__.py"
    with (tree / file_name).open("a", encoding="utf-8") as file:
        file.write(f"\n{planted}\n")
    assert not verdicts(tree)[contract]


def test_every_contract_has_a_breach_planted() -> None:
    assert {contract for _, _, contract in BREACHES} == set(CONTRACTS)


def test_the_doors_are_open_to_their_keepers(tree: Path) -> None:
    before = verdicts(tree)
    (tree / "socratic/cluster/planted.py").write_text("import ray\n", encoding="utf-8")
    (tree / "socratic/learner/planted.py").write_text("import accelerate\nimport torch\n", encoding="utf-8")
    (tree / "socratic/policy/planted.py").write_text("import peft\nimport torch\nimport transformers\n", encoding="utf-8")
    (tree / "socratic_games/planted.py").write_text("import socratic.errors\nimport socratic.game\n", encoding="utf-8")
    assert verdicts(tree) == before
