"""Planted judges in whole runs: an honest one is heard for 200 generations, and those with a fault are out within 3."""

from dataclasses import dataclass
from pathlib import Path

from socratic.cli.preflight import game_facts
from socratic.cli.session import Session
from socratic.config import Config, make_config
from socratic.records import Json
from socratic.store.run_directory import RunDirectory

SEEDS = (11, 12, 13)
HONEST = "honest"
GENERATIONS = {HONEST: 200, "length": 3, "empty": 3}
EPISODES = 32
# The smallest debate has too few different texts for Youden's J to be looked at; in the other it is looked at in every generation.
BOARDS: dict[str, dict[str, Json]] = {
    "debate, level 0": {"judged": True},
    "debate, 3 x 3 bits, 2 shown by each": {"judged": True, "rows": 3, "columns": 3, "reveals": 2},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What became of one planted judge in one run."""

    judge: str
    board: str
    seed: int
    generations: int  # that were played
    out: int | None  # the generation, from 1, by the end of which it was out
    least_j: float | None  # the least lower bound of J
    canary_rate: float | None  # the highest rate of canaries that got through

    @property
    def is_met(self) -> bool:
        """Whether the honest judge was heard to the end of all its generations, and any other shut out within so many."""
        return self.out is None if self.judge == HONEST else self.out is not None

    def row(self) -> str:
        """Return it as a row of a Markdown table."""
        out = "heard to the end" if self.out is None else f"out in generation {self.out}"
        found = f"{self.generations} | {out} | {_shown(self.least_j)} | {_shown(self.canary_rate)}"
        return f"| `planted_{self.judge}` | {self.board} | {self.seed} | {found} |"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedJudges:
    """All of them."""

    runs: tuple[Heard, ...]

    @property
    def is_met(self) -> bool:
        """Whether each judge fared as it should."""
        return all(run.is_met for run in self.runs)

    def lines(self) -> list[str]:
        """Return a row for each run, as Markdown."""
        rows = ["### Planted judges", "", f"`python -m tests.bench planted_judges`, {EPISODES} matches a generation", ""]
        rows += ["| judge | game | seed | generations | what became of it | least lower bound of J | most canaries through |"]
        rows += ["|---|---|--:|--:|---|--:|--:|"]
        return [*rows, *(run.row() for run in self.runs), ""]


def planted_judges(runs_dir: Path) -> PlantedJudges:
    """Play every judge on every board."""
    return PlantedJudges(runs=tuple(_heard(runs_dir, judge, board, seed) for judge in GENERATIONS for board in BOARDS for seed in SEEDS))


def _heard(runs_dir: Path, judge: str, board: str, seed: int) -> Heard:
    config = _config(judge, board, seed)
    run = RunDirectory.create(runs_dir, None, config, games=game_facts(config), stem=f"planted-{judge}")
    Session(run, config, is_resumed=False, is_live=False).run()
    return summary(judge, board, seed, RunDirectory.open(runs_dir, run.name).read("metrics"))


def summary(judge: str, board: str, seed: int, metrics: list[dict[str, Json]]) -> Heard:
    """Return what a run's metrics tell of its judge."""
    prefix = f"critic/planted_{judge}"
    out = [place + 1 for place, row in enumerate(metrics) if row[f"{prefix}/quarantined"]]
    bounds = [float(str(row[f"{prefix}/youden_j_low"])) for row in metrics if f"{prefix}/youden_j_low" in row]
    rates = [float(str(row[f"{prefix}/canary_fpr"])) for row in metrics if f"{prefix}/canary_fpr" in row]
    return Heard(
        judge=judge,
        board=board,
        seed=seed,
        generations=len(metrics),
        out=min(out, default=None),
        least_j=min(bounds, default=None),
        canary_rate=max(rates, default=None),
    )


def _config(judge: str, board: str, seed: int) -> Config:
    return make_config(
        {
            "title": f"planted {judge}",
            "seed": seed,
            "generations": GENERATIONS[judge],
            # Who plays is of no account here.
            "policy": {"hidden": 32, "warmup": {"steps": 20}},
            "games": {"debate": {"episodes": EPISODES, "params": BOARDS[board]}},
            "play": {"executor": "local"},
            "feedback": {"judge": f"socratic.critics.planted:make_{judge}"},
            "observer": {"enabled": False},
            "checkpoint": {"every": GENERATIONS[judge], "keep": 1},
            "record": {"share": 0.0},
            "tracker": {"wandb": "off"},
        }
    )


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"
