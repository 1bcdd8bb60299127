"""What is in the tree is what is installed, editable or from a wheel."""

import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RENAMED = {"configs": "socratic_configs", "games": "socratic_games"}


def packages_on_disk() -> list[str]:
    """Return every package of the tree under the name by which it is imported."""
    found = []
    for top in ("configs", "games", "socratic"):
        for home in sorted((ROOT / top).rglob("__init__.py")):
            parts = home.parent.relative_to(ROOT).parts
            found.append(".".join((RENAMED.get(top, top), *parts[1:])))
    return sorted(found)


def test_every_package_is_packaged() -> None:
    assert sorted(SETTINGS["tool"]["setuptools"]["packages"]) == packages_on_disk(), "edit packages in pyproject.toml"


def test_every_built_in_game_is_a_plugin() -> None:
    plugins = SETTINGS["project"]["entry-points"]["socratic.games"]
    written = {path.stem for path in (ROOT / "games").glob("*.py") if not path.stem.startswith("_")}
    assert {target.partition(":")[0].removeprefix("socratic_games.") for target in plugins.values()} == written


@pytest.mark.parametrize("name", sorted(SETTINGS["project"]["entry-points"]["socratic.games"]))
def test_a_built_in_game_is_found_by_its_name(name: str) -> None:
    (plugin,) = entry_points(group="socratic.games", name=name)
    module, _, attribute = plugin.value.partition(":")
    assert module.startswith("socratic_games.")
    assert hasattr(import_module(module), attribute)


def test_the_configs_are_found_as_data() -> None:
    written = {path.name for path in (ROOT / "configs").glob("*.toml")}
    assert written, "there is no config"
    assert {item.name for item in files("socratic_configs").iterdir() if item.name.endswith(".toml")} == written


def test_a_wheel_holds_games_configs_and_types(tmp_path: Path) -> None:
    tree, wheels = tmp_path / "tree", tmp_path / "wheels"
    for name in ("socratic", "games", "configs"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    wheels.mkdir()
    build = f"from setuptools import build_meta; build_meta.build_wheel({str(wheels)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=tree, check=True, capture_output=True, timeout=100)
    (wheel,) = wheels.glob("*.whl")
    held = set(ZipFile(wheel).namelist())
    expected = {"socratic/py.typed", "socratic/__init__.py"}
    for folder, name in RENAMED.items():
        kept = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".toml"}]
        expected |= {f"{name}/{path.relative_to(ROOT / folder).as_posix()}" for path in kept}
    assert expected <= held
    assert not [name for name in held if name.startswith(("tests/", "games/", "configs/"))]
