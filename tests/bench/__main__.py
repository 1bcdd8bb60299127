"""`python -m tests.bench [NAME...]`: run the benchmarks and write what they measured into `docs/results.md` and `docs/performance.md`."""

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from socratic.store.provenance import package_versions
from tests.bench.planted_judges import planted_judges
from tests.bench.recipes import kuhn_magnet, kuhn_without_magnet, quickstart, sixteen
from tests.bench.smollm2 import smollm2_sticks
from tests.bench.speed.against_trl import against_trl
from tests.bench.speed.alone import alone
from tests.bench.speed.dialogue import dialogue
from tests.bench.speed.growth import growth
from tests.bench.speed.scratch import scratch


class Measured(Protocol):
    """What a benchmark found."""

    @property
    def is_met(self) -> bool:
        """Whether every mark is reached."""
        ...

    def lines(self) -> list[str]:
        """Return it as Markdown."""
        ...


BENCHES: dict[str, Callable[[Path], Measured]] = {
    "quickstart": quickstart,
    "kuhn_magnet": kuhn_magnet,
    "kuhn_without_magnet": kuhn_without_magnet,
    "sixteen": sixteen,
    "smollm2_sticks": smollm2_sticks,
    "planted_judges": planted_judges,
}
SPEED: dict[str, Callable[[Path], Measured]] = {
    "alone": alone,
    "dialogue": dialogue,
    "growth": growth,
    "scratch": scratch,
    "against_trl": against_trl,
}
DOCS = Path(__file__).parents[2] / "docs"
PAGES = {**dict.fromkeys(BENCHES, "results.md"), **dict.fromkeys(SPEED, "performance.md")}
TITLES = {"results.md": "# Measured results\n", "performance.md": "# Performance\n"}


def main() -> int:
    """Run the named benchmarks, or all; 1 where a mark was missed."""
    benches = {**BENCHES, **SPEED}
    names = sys.argv[1:] or list(benches)
    unknown = [name for name in names if name not in benches]
    if unknown:
        print(f"no benchmark is called {unknown[0]}; known: {', '.join(benches)}", file=sys.stderr)
        return 2
    outcomes = []
    for name in names:
        with tempfile.TemporaryDirectory() as scrap:
            outcomes.append(benches[name](Path(scrap)))
        _replace_section(name, outcomes[-1])
    for outcome in outcomes:
        print("\n".join(outcome.lines()))
        print("every mark is reached" if outcome.is_met else "A MARK WAS MISSED")
    return 0 if all(outcome.is_met for outcome in outcomes) else 1


def _replace_section(name: str, outcome: Measured) -> None:
    """Put one benchmark's section into the page, in place of its former one."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = DOCS / PAGES[name]
    text = page.read_text(encoding="utf-8") if page.exists() else TITLES[page.name]
    command = [f"`python -m tests.bench {name}`.", ""] if name in SPEED else []
    section = "\n".join([begin, *outcome.lines(), *command, _machine(), end])
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2] if found else ""
    page.write_text(f"{before.rstrip()}\n\n{section}\n{after.rstrip()}".rstrip() + "\n", encoding="utf-8")


def _machine() -> str:
    versions = package_versions()
    named = ", ".join(f"{name} {versions[name]}" for name in ("torch", "transformers", "ray") if name in versions)
    return f"Measured with {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {named}."


if __name__ == "__main__":
    sys.exit(main())
