"""The scratch tokenizer: one token a word, bytes for the rest, nothing lost."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, LlamaConfig

from socratic.policy.tokenizer import END, PAD, build_tokenizer

TEXTS = ["10 sticks. In turn take 1 to 3. Whoever takes the last one wins.", "They took 2.", "8 left. You take:"]
TOKENIZER = build_tokenizer(TEXTS)


def ids(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False, split_special_tokens=True))


@given(st.text())
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert TOKENIZER.decode(ids(text), clean_up_tokenization_spaces=False) == text


@given(st.lists(st.sampled_from([" ", "\n", "They", " took", "10", "<|end|>", "é", ".\n", "..", "\t"])).map("".join))
def test_known_words_in_odd_company_come_back_as_they_were(text: str) -> None:
    assert TOKENIZER.decode(ids(text), clean_up_tokenization_spaces=False) == text


def test_a_word_of_the_lexicon_is_one_token_with_or_without_its_space() -> None:
    assert [len(ids(word)) for word in ("sticks", " sticks", "10", " 10", "Whoever", " Whoever", ".", ".\n", ":")] == [1] * 9


def test_a_line_costs_as_many_tokens_as_it_has_words() -> None:
    assert len(ids("They took 2.\n8 left. You take:")) == 10


def test_a_word_outside_the_lexicon_falls_to_its_bytes() -> None:
    assert len(ids("zebra")) == len(b"zebra")
    assert len(ids("é")) == len("é".encode())


def test_equal_texts_in_any_order_give_equal_ids() -> None:
    again = build_tokenizer([*reversed(TEXTS), TEXTS[0]])
    assert again.get_vocab() == TOKENIZER.get_vocab()
    assert again.backend_tokenizer.to_str() == TOKENIZER.backend_tokenizer.to_str()


def test_the_special_tokens_come_last() -> None:
    size = len(TOKENIZER)
    assert TOKENIZER.all_special_ids == [size - 2, size - 1]
    assert TOKENIZER.all_special_tokens == [END, PAD]
    assert TOKENIZER.eos_token == END
    assert TOKENIZER.pad_token == PAD


def test_a_saved_tokenizer_comes_back_beside_a_model(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    LlamaConfig().save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "They took 22. <|end|> Zoë\n"
    assert again.encode(text, add_special_tokens=False, split_special_tokens=True) == ids(text)
    assert again.get_vocab() == TOKENIZER.get_vocab()
    assert again.chat_template == TOKENIZER.chat_template
    assert again.all_special_ids == TOKENIZER.all_special_ids
