"""What was sent to be played and is not collected yet, and how a checkpoint keeps it: to be played again by the same weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from safetensors.numpy import load_file, save_file

from socratic.errors import CheckpointError
from socratic.policy.weights import PolicyWeights, make_weights
from socratic.protocols import Weights
from socratic.records import Json, Match

STATE_FILE = "flights.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flight:
    """One generation's matches on their way, and the weights that play them, by player name."""

    index: int
    matches: tuple[Match, ...]
    weights: Mapping[str, Weights]  # the agent's, and others that change with every generation
    past: Mapping[str, Weights]  # the versions that the league kept when it left


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What a rollout with a lag must remember."""

    lag: int
    next: int  # the first generation that is not started
    broken: Sequence[str]  # games that broke their contract: what is in flight of them is left out
    flights: Sequence[Flight]


def save_flights(folder: Path, remembered: Remembered) -> None:
    """Write the weights as safetensors, each version once, and the rest as JSON."""
    held: dict[int, PolicyWeights] = {}
    flights: list[Json] = []
    for flight in remembered.flights:
        weights, past = (cast("Mapping[str, PolicyWeights]", each) for each in (flight.weights, flight.past))
        held.update({one.version: one for one in (*weights.values(), *past.values())})
        flights.append(
            {
                "index": flight.index,
                "weights": {name: one.version for name, one in weights.items()},
                "past": {name: one.version for name, one in past.items()},
                "matches": [asdict(match) for match in flight.matches],
            }
        )
    for version, one in held.items():
        save_file(dict(one.arrays), folder / f"{version:06d}.safetensors")
    state: dict[str, Json] = {
        "lag": remembered.lag,
        "next": remembered.next,
        "broken": [*remembered.broken],
        "fingerprints": {str(version): one.fingerprint for version, one in held.items()},
        "flights": flights,
    }
    (folder / STATE_FILE).write_text(json.dumps(state, indent=1), encoding="utf-8")


def load_flights(folder: Path, lag: int) -> Remembered:
    """Return what `save_flights` wrote.

    Raises:
        CheckpointError: a file or key is missing, is something else, or is of another lag than `lag`.
    """
    try:
        state = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        held = {int(version): _read(folder, int(version), str(known)) for version, known in state["fingerprints"].items()}
        flights = [
            Flight(
                index=int(each["index"]),
                matches=tuple(Match(**{**match, "seats": tuple(match["seats"])}) for match in each["matches"]),
                weights={name: held[version] for name, version in each["weights"].items()},
                past={name: held[version] for name, version in each["past"].items()},
            )
            for each in state["flights"]
        ]
        found = Remembered(lag=int(state["lag"]), next=int(state["next"]), broken=[*map(str, state["broken"])], flights=flights)
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder} does not hold all that was in flight: {error!r}") from None
    indices = [flight.index for flight in flights]
    if found.lag != lag or indices != list(range(found.next - len(flights), found.next)) or len(flights) > lag:
        raise CheckpointError(
            f"{folder} holds generations {indices} in flight before {found.next}, at a lag of {found.lag}; "
            f"expected the last ones before it, at play.lag = {lag}: resume with the run's own configuration"
        )
    return found


def _read(folder: Path, version: int, known: str) -> PolicyWeights:
    weights = make_weights(version, load_file(folder / f"{version:06d}.safetensors"))
    if weights.fingerprint != known:
        raise ValueError(f"version {version} is {weights.fingerprint[:12]}, expected {known[:12]}")
    return weights
