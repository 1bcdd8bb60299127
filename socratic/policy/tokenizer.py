"""The tokenizer of scratch policies: the games' own words, one token each, and bytes for everything else.

Lossless: any text comes back as it was. One token a message beyond its words, because what reads it may have 0.1 M parameters.
"""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

END = "<|end|>"  # ends a reply
PAD = "<|pad|>"

# Words and whole numbers with the space before them, punctuation with the line break after it (games end their lines so).
WORD = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+\n?|\s+(?!\S)|\s"

_SPLIT = pre_tokenizers.Split(Regex(WORD), "isolated")
_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)

# No marker stands between what a seat was told and its reply: a small policy chooses at the last word that it was told,
# and signalling games are learned only where that is the word that matters.
CHAT_TEMPLATE = "{% for message in messages %}{{ message.content }}{% if message.role == 'assistant' %}" + END + "{% endif %}{% endfor %}"


def build_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer for which each word of `texts`, with or without a space before it, is one token.

    Any other word falls to its bytes. Equal sets of words give equal ids, whatever their order.
    """
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = sorted({_symbols(word) for word in _lexicon(texts)} - set(symbols))
    vocabulary = {token: index for index, token in enumerate([*symbols, *words])}
    # Without merges, a word that is not in the vocabulary stays in its byte symbols.
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([_SPLIT, _BYTES])
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def _lexicon(texts: Iterable[str]) -> set[str]:
    lexicon = set()
    for text in set(texts):
        # A game's line is followed by the next one, or by the policy's turn.
        for word in (*_words(text), *_words(text + "\n")):
            bare = word.removeprefix(" ")
            lexicon |= {bare, " " + bare} if bare.isalnum() else {word}
    return lexicon


def _words(text: str) -> list[str]:
    return [word for word, _ in _SPLIT.pre_tokenize_str(text)]


def _symbols(word: str) -> str:
    return "".join(symbols for symbols, _ in _BYTES.pre_tokenize_str(word))
