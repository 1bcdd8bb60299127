"""What a study hands back, what of it is kept in the study's folder, and how it comes into the documents."""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from socratic.errors import ConfigError
from socratic.records import Json
from socratic.store.durable import explained, to_json_bytes, write_atomically
from socratic.store.provenance import package_versions

FIGURE = "figure.png"
PAGE = Path("docs/studies.md")
FIGURES = Path("docs/figures")


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a study found."""

    name: str
    section: str  # Markdown, from its `##` heading on; without the figure, which is put below it
    results: Mapping[str, Json] = field(default_factory=dict)
    has_figure: bool = False  # the study has drawn FIGURE into its folder
    is_measurement: bool = True  # false for a quick one, which shows that everything works and measures nothing
    page: Path = PAGE  # the document, relative to the repository, that has the section between its markers


class Study(Protocol):
    """The `run_study` of a study's module."""

    def __call__(self, folder: Path, *, seeds: int | None, jobs: int, is_quick: bool) -> Report:
        """Do the study in a folder, going on with what an earlier call left there.

        Args:
            folder: the study's own; runs go to `folder / "runs"`.
            seeds: how many seeds are reported; None: as many as the study is for.
            jobs: how many runs at a time.
            is_quick: whether to go through everything at a size that measures nothing.

        Raises:
            Interrupted: the operator asked it to leave; the same call goes on.
        """
        ...


def keep_report(report: Report, folder: Path) -> None:
    """Write results.json and section.md beside the figure.

    Raises:
        RunError: the disk refuses.
    """
    shown = f"\n\n![{report.name}]({FIGURE})" if report.has_figure else ""
    with explained(folder):
        write_atomically(folder / "results.json", to_json_bytes(report.results))
        write_atomically(folder / "section.md", f"{report.section.rstrip()}{shown}\n".encode())


def write_docs(report: Report, folder: Path, root: Path) -> Path:
    """Put the report between its markers in its document below `root`, and its figure beside the others; return the document.

    Raises:
        ConfigError: `root` is no checkout, or the report is of a quick study.
        RunError: the disk refuses.
    """
    check_docs(root, is_quick=not report.is_measurement)
    page = root / report.page
    section = report.section.rstrip()
    with explained(page):
        if report.has_figure:
            figure = root / FIGURES / f"{report.name}.png"
            figure.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / FIGURE, figure)
            section += f"\n\n![{report.name}]({os.path.relpath(figure, page.parent)})"
        text = page.read_text(encoding="utf-8")
        write_atomically(page, between_markers(text, report.name, f"{section}\n\n{machine_line()}").encode())
    return page


def check_docs(root: Path, *, is_quick: bool) -> None:
    """Refuse, before a study begins, what could not be written into the documents at its end.

    Raises:
        ConfigError: `root` is no checkout, or the study is a quick one.
    """
    if is_quick:
        raise ConfigError("a quick study measures nothing, so nothing is written into the documents; leave --quick or --write-docs out")
    if not (root / PAGE).is_file():
        raise ConfigError(f"{root / PAGE} is not there: --write-docs is for a checkout of the repository, from its top folder")


def between_markers(text: str, name: str, section: str) -> str:
    """Return a document with `section` between the markers of `name`, in place of what stood there, or at its end."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    block = f"{begin}\n{section.strip()}\n{end}"
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if marked.search(text):
        return marked.sub(lambda _: block, text, count=1)
    return f"{text.rstrip()}\n\n{block}\n"


def machine_line() -> str:
    """Return what the numbers were measured with."""
    versions = package_versions()
    named = ", ".join(f"{name} {versions[name]}" for name in ("torch", "transformers") if name in versions)
    return f"Measured with {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {named}."
