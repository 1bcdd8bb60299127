"""Whether a folder can hold a model, said before anything heavy is loaded."""

from pathlib import Path

from socratic.errors import ModelMissing, PolicyError

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def local_model(source: str, key: str = "policy.source") -> Path | None:
    """Return the folder that `source` names, having looked into it; None where it can only be a hub's name.

    `key` is where the configuration says it, for what is said when it cannot be.

    Raises:
        ModelMissing: there is no such folder, or no model in it.
        PolicyError: its weights are pickled.
    """
    path = Path(source).expanduser()
    if source and path.exists():
        check_model_folder(source, path, key)
        return path
    if not source or source.startswith(("/", ".", "~")) or source.count("/") > 1:
        own = "scratch" if key == "policy.source" else "t0, past"
        raise ModelMissing(f"no model at {source!r}; {key} is {own}, smollm2, a folder with config.json, or a hub name")
    return None


def check_model_folder(source: str, folder: Path, key: str = "policy.source") -> None:
    """Say what is wrong with a folder before transformers reads it.

    Raises:
        ModelMissing: there is no model in it.
        PolicyError: its weights are pickled.
    """
    expected = "expected a folder with config.json, *.safetensors and a tokenizer"
    if not folder.is_dir():
        raise ModelMissing(f"{key} = {source!r} is a file, {expected}")
    if (folder / "adapter_config.json").exists() and not (folder / "config.json").exists():
        raise ModelMissing(f"{key} = {source!r} holds an adapter only, {expected}; merge the adapter into its model first")
    if not (folder / "config.json").exists():
        raise ModelMissing(f"{key} = {source!r} has no config.json in {folder}, {expected}")
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in PICKLED for path in folder.glob(pattern))
    if pickled:
        raise PolicyError(
            f"{key} = {source!r} has pickled weights only ({pickled[0]}), which can run code when they are loaded; "
            "convert them to safetensors on a machine that may be lost"
        )
    raise ModelMissing(f"{key} = {source!r} has no *.safetensors in {folder}, {expected}; pickled weights are refused")
