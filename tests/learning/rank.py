"""One rank of a learner on several: writes its gradient of every recipe into files."""

import sys

import numpy as np
import torch

from tests.learning.lessons import learned_gradient
from tests.learning.test_gradients import SECTIONS


def main() -> None:
    torch.set_num_threads(1)
    for kind, section in SECTIONS.items():
        # Small packs, so that each rank has several; one kind has a single pack, and one rank none.
        pack_tokens = 100_000 if kind == "reinforce" else 20
        np.save(f"{sys.argv[1]}.{kind}.npy", learned_gradient({**section, "pack_tokens": pack_tokens}).numpy())
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
