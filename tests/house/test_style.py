"""The linter's rules that the design leans on are switched on, where they should be."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = '"""Planted."""\n\n'

# Where it is planted, what keeps the rule, what breaks it, and the rule.
BREACHES = [
    ("socratic/learner", "import random\n\nx = random.Random(7).random()\n", "import random\n\nx = random.random()\n", "TID251"),
    ("socratic/play", "from random import Random\n\nx = Random(7)\n", "from random import shuffle\n\nshuffle([])\n", "TID251"),
    ("games", "x = 1\n", "import random\n\nrandom.seed(7)\n", "TID251"),
    ("socratic/cluster", "x = 1\n", "import random\n\nx = random.choice([1, 2])\n", "TID251"),
    ("socratic/critics", "import numpy as np\n\nx = np.zeros(2)\n", "import numpy as np\n\nx = np.random.rand(2)\n", "TID251"),
    ("tests/unit", "import numpy as np\n\nx = np.zeros(2)\n", "import numpy as np\n\nx = np.random.default_rng()\n", "TID251"),
    ("socratic/policy", "import torch\n\nx = torch.Generator().manual_seed(7)\n", "import torch\n\ntorch.manual_seed(7)\n", "TID251"),
    ("socratic/store", "import json\n\nx = json.loads('1')\n", "import pickle\n\nx = pickle.HIGHEST_PROTOCOL\n", "TID251"),
    ("socratic/play", "x = 1\n", "print('hello')\n", "T201"),
    ("socratic/play", "try:\n    x = 1\nexcept ValueError:\n    x = 2\n", "try:\n    x = 1\nexcept Exception:\n    x = 2\n", "BLE001"),
    ("socratic/play", "try:\n    x = 1\nexcept ValueError:\n    x = 2\n", "try:\n    x = 1\nexcept:\n    x = 2\n", "E722"),
    ("socratic/play", "x = int('1')  # type: ignore[misc]\n", "x = int('1')  # type: ignore\n", "PGH003"),
    (
        "socratic/play",
        'def play(seat: int) -> int:\n    """Play."""\n    return seat\n',
        'from typing import Any\n\n\ndef play(seat: Any) -> int:\n    """Play."""\n    return int(seat)\n',
        "ANN401",
    ),
    (
        "socratic/play",
        "def play(seat: int) -> int:\n    '''Play.'''\n    return seat\n".replace("'", '"'),
        "def play(seat: int) -> int:\n    return seat\n",
        "D103",
    ),
    ("socratic/play", "x = 1\n", "# TODO: think\nx = 1\n", "FIX002"),
    ("socratic/play", "x = 1\n", "from .block import Block\n\nx = Block\n", "TID252"),
]


def codes(tree: Path, folder: str, text: str) -> set[str]:
    """Return the rules that a file of this text, in this folder, breaks."""
    file = tree / folder / "planted.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    lint = [str(Path(sys.executable).with_name("ruff")), "check", "--no-cache", "--output-format=concise", str(file)]
    done = subprocess.run(lint, cwd=tree, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return {line.split(": ")[1].split()[0] for line in done.stdout.splitlines() if "planted.py:" in line}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty tree with the house's settings."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("folder", "kept", "broken", "rule"), BREACHES)
def test_the_linter_tells_a_breach_from_what_keeps_the_rule(tree: Path, folder: str, kept: str, broken: str, rule: str) -> None:
    assert codes(tree, folder, HEAD + kept) == set()
    assert codes(tree, folder, HEAD + broken) == {rule}


def test_a_module_says_what_it_is(tree: Path) -> None:
    assert codes(tree, "socratic/play", "x = 1\n") == {"D100"}


def test_the_command_line_may_print(tree: Path) -> None:
    assert codes(tree, "socratic/cli", HEAD + "print('hello')\n") == set()
