"""`socratic eval`: one assessment of a checkpoint, in this process."""

from socratic import build
from socratic.config import Config
from socratic.errors import CheckpointError
from socratic.policy.weights import make_weights
from socratic.records import Assessment
from socratic.store.checkpoint import newest_checkpoint
from socratic.store.run_directory import RunDirectory


def assess_run(run: RunDirectory, config: Config) -> Assessment:
    """Probe the newest checkpoint of `run` that verifies; nothing in the run is changed.

    Raises:
        CheckpointError: there is none, or it does not hold the policy.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    checkpoint = newest_checkpoint(run.checkpoints)
    folder = checkpoint.path / "learner"
    try:
        agent = make_weights(checkpoint.index, load_file(folder / "weights.safetensors"))
        t0 = make_weights(0, load_file(folder / "t0.safetensors"))
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{folder} does not hold the policy's weights: {error}") from None
    worker = build.ObserverFactory(config=config, recipe=build.load_recipe(config, run.folder))()
    return worker.assess(checkpoint.index - 1, {"agent": agent, "t0": t0})
