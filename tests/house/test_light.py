"""What a person waits for first is cheap: no heavy library is loaded before it is needed."""

import subprocess
import sys

HEAVY = ("accelerate", "peft", "ray", "scipy", "torch", "transformers", "wandb")
HELP = """
import sys
from socratic.cli import main
sys.argv = ["socratic", "--help"]
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
"""


def heavy_after(code: str) -> str:
    """Return the heavy libraries that a fresh interpreter has loaded after running `code`."""
    asked = f"\nimport sys\nprint('heavy:', *(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code + asked], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("heavy:")[2].strip()


def test_import_socratic_is_light() -> None:
    assert heavy_after("import socratic") == ""


def test_the_public_names_are_light() -> None:
    assert heavy_after("from socratic import *") == ""


def test_help_is_light() -> None:
    assert heavy_after(HELP) == ""


def test_a_heavy_import_is_seen() -> None:
    assert heavy_after("import sys; sys.modules['torch'] = sys") == "torch"
