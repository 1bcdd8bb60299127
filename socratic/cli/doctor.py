"""`socratic doctor`: whether this machine can run Socratic, and what would be in the way."""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from socratic import __version__
from socratic.cli.options import AsJson, RunsDir, runs_folder
from socratic.cli.output import print_json
from socratic.registry import list_games
from socratic.store.provenance import machine_facts, package_versions, python_version

# A scratch run takes about 1 GiB with Ray, a language model of 135 M parameters about 3.
ENOUGH_MEMORY_GIB = 2.0
ENOUGH_DISK_GIB = 1.0
GIB = 2**30


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    is_fine: bool
    remedy: str = ""


def doctor(runs_dir: RunsDir = None, as_json: AsJson = False) -> None:
    """Look at this machine; exit 1 where something is in the way."""
    findings = [*_machine(runs_folder(runs_dir)), *_packages(), *_ray(), _wandb(), _games()]
    if as_json:
        print_json({"socratic": __version__, "findings": [asdict(finding) for finding in findings]})
    else:
        print(f"socratic {__version__}, Python {python_version()}")
        for finding in findings:
            print(f"{'ok ' if finding.is_fine else 'BAD'}  {finding.what:<14} {finding.found}")
            if finding.remedy and not finding.is_fine:
                print(f"     {'':<14} {finding.remedy}")
    if not all(finding.is_fine for finding in findings):
        raise typer.Exit(1)


def _machine(runs_dir: Path) -> list[Finding]:
    facts = machine_facts()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES") / GIB
    place = runs_dir if runs_dir.exists() else Path.cwd()
    disk = shutil.disk_usage(place).free / GIB
    return [
        Finding(what="machine", found=", ".join(f"{name} {value}" for name, value in facts.items()), is_fine=True),
        Finding(
            what="memory",
            found=f"{memory:.1f} GiB free",
            is_fine=memory >= ENOUGH_MEMORY_GIB,
            remedy=f"free some: a run needs about {ENOUGH_MEMORY_GIB:g} GiB",
        ),
        Finding(
            what="disk",
            found=f"{disk:.1f} GiB free in {place}",
            is_fine=disk >= ENOUGH_DISK_GIB and os.access(place, os.W_OK),
            remedy=f"give --runs-dir a writable folder with {ENOUGH_DISK_GIB:g} GiB free",
        ),
    ]


def _packages() -> list[Finding]:
    found = package_versions()
    return [Finding(what="packages", found=", ".join(f"{name} {version}" for name, version in found.items()), is_fine=True)]


def _ray() -> list[Finding]:
    from socratic.cluster import ray_facts

    facts = ray_facts()
    return [Finding(what="ray", found=", ".join(f"{name} {value}" for name, value in facts.items()), is_fine=True)]


def _wandb() -> Finding:
    from socratic.tracker.wandb import choose_mode, has_key

    mode = choose_mode("auto")
    key = "a key was found" if has_key() else "no key: runs are mirrored offline, `wandb sync` uploads them later"
    return Finding(what="wandb", found=f"{mode}; {key}", is_fine=True)


def _games() -> Finding:
    games = list_games()
    return Finding(
        what="games",
        found=f"{len(games)} installed: {', '.join(game.name for game in games)}",
        is_fine=bool(games),
        remedy="the package was installed without its entry points; install it again",
    )
