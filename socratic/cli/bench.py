"""`socratic bench`: how fast this machine generates, against what a user would use instead and against its own limit."""

from typing import Annotated

import typer

from socratic.cli.options import AsJson
from socratic.cli.output import print_json
from socratic.errors import ConfigError


def bench(
    source: Annotated[str, typer.Option(help="The model: smollm2, a local folder, or a hub name.")] = "smollm2",
    dtype: Annotated[str, typer.Option(help="Of the weights: float32 or bfloat16.")] = "bfloat16",
    rows: Annotated[list[int] | None, typer.Option(min=8, help="Replies at a time; may be given again. 32 and 128 if not given.")] = None,
    prompt: Annotated[int, typer.Option(min=1, help="Tokens of a prompt.")] = 100,
    new: Annotated[int, typer.Option(min=2, help="Tokens of a reply.")] = 32,
    pairs: Annotated[int, typer.Option(min=1, help="How often both sides are timed.")] = 5,
    threads: Annotated[int, typer.Option(min=0, help="Torch threads; 0: as torch has it.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Time generation against transformers' `generate` on this machine, both sides in turn."""
    if dtype not in ("float32", "bfloat16"):
        raise ConfigError(f"--dtype is {dtype!r}, expected float32 or bfloat16")
    wanted = rows or [32, 128]
    odd = [count for count in wanted if count % 8]
    if odd:
        raise ConfigError(f"--rows is {odd[0]}, expected a multiple of 8: so many replies share a prompt")
    from socratic.policy.speed_generation import Setting, generated, load_for_speed

    policy = load_for_speed(source, dtype, threads)
    found = [generated(policy, Setting(rows=count, prompt=prompt, new=new), pairs=pairs) for count in wanted]
    if as_json:
        print_json([each.as_json() for each in found])
        return
    print(f"{source}, {dtype}, {policy.model.device.type}, {found[0].threads} threads; {prompt} + {new} tokens, groups of 8")
    for each in found:
        print(each.words())
