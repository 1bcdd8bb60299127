"""What times generation: both sides do the same work, ratios are of pairs, and bad input is one line."""

import pytest
from typer.testing import CliRunner

from socratic.cli.app import app
from socratic.config import PolicySection
from socratic.errors import ConfigError, PolicyError
from socratic.policy.recipe import device_of
from socratic.policy.speed_generation import Setting, generated
from socratic.policy.speed_pairs import Ratio, paired
from tests.unit.tiny import tiny_policy


def test_a_ratio_is_of_pairs_and_tells_its_spread() -> None:
    ratio = Ratio(ours_s=(1.0, 2.0, 1.0), other_s=(2.0, 2.0, 3.0))
    assert ratio.values == [1.0, 2.0, 3.0]
    assert ratio.words() == "2.00 (1.00 to 3.00)"


def test_who_begins_a_pair_alternates() -> None:
    said: list[str] = []
    paired(lambda: said.append("ours"), lambda: said.append("other"), pairs=3, warm_ups=0)
    assert said == ["ours", "other", "other", "ours", "ours", "other"]


def test_generation_is_timed_on_any_policy() -> None:
    policy = tiny_policy()
    policy.model.requires_grad_(requires_grad=False)
    ends = policy.chat.end_ids
    found = generated(policy, Setting(rows=8, group=4, prompt=5, new=3), pairs=2)
    assert policy.chat.end_ids == ends
    assert len(found.ratio.values) == 2
    assert found.tokens_per_s > 0
    assert found.limit_s > 0
    assert found.as_json()["rows"] == 8
    assert "8 rows" in found.words()


def test_odd_rows_and_types_are_refused_in_one_line() -> None:
    for words, expected in ((["bench", "--rows", "12"], "multiple of 8"), (["bench", "--dtype", "float16"], "float32 or bfloat16")):
        result = CliRunner().invoke(app, words)
        assert isinstance(result.exception, ConfigError)
        assert expected in str(result.exception)


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert device_of(PolicySection(source="smollm2")).type == "cpu"
    with pytest.raises(PolicyError, match=r"policy\.device = 'cpu'"):
        device_of(PolicySection(device="cuda"))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert device_of(PolicySection(source="smollm2")).type == "cuda"
    assert device_of(PolicySection(source="scratch")).type == "cpu"
