"""TRL's side of the comparison, whole: its trainer on the same prompts, lengths, adapter, reward and number of episodes.

`DEFAULTS` leaves everything at what TRL 1.16 ships with; `TUNED` has no activation checkpointing and device batches of sixteen episodes,
which is not always faster on a CPU.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from socratic.policy.smollm2 import smollm2_folder
from tests.bench.speed.letters import counted

DEFAULTS: Mapping[str, object] = {}
TUNED: Mapping[str, object] = {"gradient_checkpointing": False, "per_device_train_batch_size": 16}


class TrlLoop:
    """A trainer that takes one step at a time."""

    def __init__(self, prompts: Sequence[str], folder: Path, *, episodes: int, group: int, new: int, options: Mapping[str, object]) -> None:
        """Set the trainer up on prompts that are taken in turn."""
        warnings.simplefilter("ignore")
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
        from trl import GRPOConfig, GRPOTrainer

        source = smollm2_folder()
        batch = int(str(options.get("per_device_train_batch_size", 8)))
        arguments: dict[str, Any] = {
            "output_dir": str(folder),
            "use_cpu": True,
            "bf16": True,
            "learning_rate": 1e-5,
            "lr_scheduler_type": "constant",
            "num_generations": group,
            "gradient_accumulation_steps": episodes // batch,
            "max_completion_length": new,
            "beta": 0.04,
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
            **options,
        }
        seconds: list[float] = []
        between: list[Callable[[], object]] = []

        class Clock(TrainerCallback):
            """Times each step, and lets the other side take one before it."""

            def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
                del args, kwargs
                for call in between:
                    call()
                self.start = time.perf_counter()

            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                del args, kwargs
                seconds.append(time.perf_counter() - self.start)

        def reward(completions: Sequence[Any], **kwargs: Any) -> list[float]:
            del kwargs
            return [counted(each[0]["content"] if isinstance(each, list) else each) for each in completions]

        self._seconds, self._between = seconds, between
        self._arguments = arguments
        self._make = lambda steps: GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(source, dtype=torch.bfloat16),
            reward_funcs=reward,
            args=GRPOConfig(max_steps=steps, **arguments),
            train_dataset=Dataset.from_list([{"prompt": [{"role": "user", "content": prompt}]} for prompt in prompts]),
            processing_class=AutoTokenizer.from_pretrained(source),
            peft_config=LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear"),
            callbacks=[Clock()],
        )

    def steps_s(self, count: int, between: Callable[[], object]) -> list[float]:
        """Return the seconds of `count` steps, after one that is not counted; before each of those and the first, `between` is called."""
        self._seconds.clear()
        self._between[:] = [between]
        self._make(count + 1).train()  # type: ignore[no-untyped-call]  # TRL leaves it untyped
        return self._seconds[1:]
