"""How many threads the tensors of a worker may use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads meanwhile, and as many as before afterwards; nothing where torch is not loaded.

    torch is looked up and never imported: a worker that holds no tensors must not pay 4 s for it.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
