"""`socratic study`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from socratic.cli.options import runs_folder
from socratic.cli.output import typed
from socratic.errors import ConfigError
from socratic.studies import STUDIES, find_study


def study(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The study.", show_default=False)] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the studies and leave.")] = False,
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds that are reported; as many as the study is for if not given.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs at a time, each on one thread; as many as there are cores.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Where it works and goes on; studies/NAME beside the runs if not given.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Go through everything in minutes, and measure nothing.")] = False,
    with_smollm2: Annotated[bool, typer.Option("--with-smollm2", help="Of recipes: those of the language model too.")] = False,
    write_into_docs: Annotated[bool, typer.Option("--write-docs", help="For maintainers: put section and figure into docs/.")] = False,
) -> None:
    """Do a study: many runs, a figure, a section; one that was left goes on."""
    if list_ or name is None:
        width = max(map(len, STUDIES))
        for known, entry in STUDIES.items():
            print(f"{known:<{width}}  {entry.question}")
        return
    run_study = find_study(name)
    if with_smollm2:
        if name != "recipes":
            raise ConfigError(f"--with-smollm2 is of the study `recipes`, not of {name!r}")
        from socratic.studies.recipes import run_with_smollm2 as run_study
    from socratic.studies.plotting import require_plotting
    from socratic.studies.report import check_docs, keep_report, write_docs

    if STUDIES[name].draws:
        require_plotting()
    if write_into_docs:
        check_docs(Path.cwd(), is_quick=quick)
    place = folder or runs_folder(None) / "studies" / (f"{name}-quick" if quick else name)
    report = run_study(place, seeds=seeds, jobs=jobs or os.cpu_count() or 1, is_quick=quick)
    keep_report(report, place)
    print(f"\n{report.section}\n")
    print(f"everything is in {place}: section.md, results.json{', figure.png' if report.has_figure else ''}")
    if (place / "runs").is_dir():
        print(f"next:\n  {typed('runs list', place / 'runs')}")
    if write_into_docs:
        print(f"socratic: {write_docs(report, place, Path.cwd())} has it now")
