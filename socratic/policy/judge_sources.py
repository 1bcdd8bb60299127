"""Where a judge comes from: the run's own policy in one of its versions, or a model of any architecture that can be read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
)

from socratic.config import JudgeModel
from socratic.errors import PolicyError
from socratic.policy.asking import Reader
from socratic.policy.chat import Chat
from socratic.policy.judging import CausalReader, ClassifierReader, Seq2SeqReader
from socratic.policy.recipe import PolicyRecipe, make_policy
from socratic.policy.sources import fetch_from_hub, load_folder, locate, readable
from socratic.policy.transformer import Policy

KEY = "feedback.model.source"
OWN = ("t0", "past")
LOADERS: dict[str, Callable[..., object]] = {
    "causal": AutoModelForCausalLM.from_pretrained,
    "seq2seq": AutoModelForSeq2SeqLM.from_pretrained,
    "classifier": AutoModelForSequenceClassification.from_pretrained,
}


def make_reader(section: JudgeModel, recipe: PolicyRecipe | None, *, fetch: Callable[[str], Path] | None = None) -> Reader:
    """Return what reads judgements for `section`; versions of the run's own policy are built by `recipe` and lent with each call.

    Raises:
        ModelMissing: the model is not on this machine and cannot be fetched.
        PolicyError: it is there and can neither generate nor classify.
    """
    if section.source in OWN:
        if recipe is None:
            raise PolicyError(f"{KEY} is {section.source!r}, and there is no run whose policy that would be; name a model")
        return CausalReader(make_policy(recipe), section.batch)
    folder = locate(section.source, KEY, fetch or partial(fetch_from_hub, key=KEY))
    kind = section.kind if section.kind != "auto" else _kind(folder)
    found = load_folder(folder, LOADERS[kind], section.dtype)
    found.model.train(mode=False)
    if kind == "causal":
        return CausalReader(Policy(found.model, Chat(found.tokenizer)), section.batch)
    reader = Seq2SeqReader if kind == "seq2seq" else ClassifierReader
    return reader(found.model, found.tokenizer, section.batch)


def _kind(folder: Path) -> str:
    """Return what a model's config says it is."""
    with readable(folder):
        config: PreTrainedConfig = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    named = (config.architectures or [""])[0]
    if named.endswith("ForSequenceClassification"):
        return "classifier"
    if config.is_encoder_decoder:
        return "seq2seq"
    if not named or named.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")):
        return "causal"
    raise PolicyError(
        f"the model in {folder} is a {named}, which neither generates nor classifies; name another at {KEY}, or say what it is with "
        "feedback.model.kind = 'causal', 'seq2seq' or 'classifier'"
    )
