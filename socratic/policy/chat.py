"""Chat rendering, token for token: what one seat has seen becomes the context of its next reply.

The model's own chat template is rendered with sentinels in place of what was said. Its pieces are tokenized with their special
tokens, what was said without any, and the two are joined: no player can forge a turn, whatever it writes. The policy's earlier
replies go in as the tokens that were drawn, so that an earlier turn is a prefix of the later context wherever the template
keeps its own text.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import jinja2
from transformers import PreTrainedTokenizerBase

from socratic.errors import PolicyError
from socratic.records import SELF, Line

Ids = tuple[int, ...]

# For tokenizers that bring no template: base models, which know no roles.
PLAIN_TEMPLATE = (
    "{{ bos_token or '' }}{% for message in messages %}"
    "{% if message.role == 'assistant' %}Reply:\n{{ message.content }}{{ eos_token }}\n{% else %}{{ message.content }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Reply:\n{% endif %}"
)
# Some templates print today's date. A context must not depend on the day, so this shadows the clock that transformers lends them.
# The day is the one that Llama 3.2 falls back to.
CLOCK = "strftime_now"
STOPPED_CLOCK = (
    "{% macro " + CLOCK + "(format) %}"
    "{{ format.replace('%d', '26').replace('%b', 'Jul').replace('%B', 'July').replace('%m', '07').replace('%Y', '2024') }}"
    "{% endmacro +%}"
)

USER = "user"
ASSISTANT = "assistant"

# A policy that may say anything says many things; the games' own lines are few and stay.
MAX_TEXTS = 1 << 16
MAX_PATTERNS = 1 << 12


class Chat:
    """A tokenizer and its chat template, from views to token ids and back."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Read the template's markers.

        Raises:
            PolicyError: the template fails, drops or alters what is said, or nothing ends a reply.
        """
        self.tokenizer = tokenizer
        self.vocab_size = len(tokenizer)
        template = tokenizer.get_chat_template() if tokenizer.chat_template else PLAIN_TEMPLATE
        self._template = STOPPED_CLOCK + template if CLOCK in template else template
        self._sentinel = f"q{blake2b(self._template.encode(), digest_size=12).hexdigest()}q"
        self._special = frozenset(tokenizer.all_special_ids) | {
            index for index, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self._forbidden = self._special | self._markers()
        self._end_id, self.end_ids = self._find_ends()
        # Hot paths: a view of ten messages is rendered in about ten microseconds.
        self._pieces = lru_cache(MAX_PATTERNS)(self._split_template)
        self._content = lru_cache(MAX_TEXTS)(self._encode_content)

    def render(self, view: Sequence[Line], replies_ids: Sequence[Sequence[int]] = ()) -> Ids:
        """Return the context for a seat's next reply, generation prompt included.

        The game's lines that follow each other are one message, a line each. `replies_ids` holds the drawn tokens of the seat's own
        lines, in their order; an empty one, or none at all, means that the line's text is encoded.

        Raises:
            PolicyError: the template refuses this order of messages.
            ValueError: `replies_ids` and the seat's own lines differ in number.
        """
        roles: list[str] = []
        contents: list[str] = []
        for line in view:
            if line.speaker == SELF:
                roles.append(ASSISTANT)
                contents.append(line.text)
            elif roles and roles[-1] is USER:
                contents[-1] += "\n" + line.text
            else:
                roles.append(USER)
                contents.append(line.text)
        return self._join(tuple(roles), contents, replies_ids)

    def encode_reply(self, text: str) -> Ids:
        """Return the tokens of a whole reply, the one that ends it included."""
        return (*self._content(text), self._end_id)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of a reply, up to the token that ends it, special tokens left out."""
        said = []
        for index in ids:
            if index in self.end_ids:
                break
            if index not in self._special:
                said.append(index)
        text = self.tokenizer.decode(said, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def frame(self) -> tuple[Ids, Ids]:
        """Return the template's own tokens before and after a single message; the second end where the reply begins."""
        before, after = self._pieces((USER,))
        return before, after

    @property
    def forbidden(self) -> frozenset[int]:
        """The tokens that nothing that is said may hold: special ones, and the template's marks."""
        return self._forbidden

    def _join(self, roles: tuple[str, ...], contents: Sequence[str], replies_ids: Sequence[Sequence[int]]) -> Ids:
        pieces = self._pieces(roles)
        drawn = iter(replies_ids)
        num_own = roles.count(ASSISTANT)
        if replies_ids and len(replies_ids) != num_own:
            raise ValueError(f"{len(replies_ids)} replies were given for {num_own} own lines")
        context = list(pieces[0])
        for role, content, piece in zip(roles, contents, pieces[1:], strict=True):
            ids = next(drawn, ()) if role is ASSISTANT else ()
            if not ids:
                context += self._content(content)
                context += piece
                continue
            context += ids
            # A reply that was ended brings its own end; one that was cut off gets the template's.
            context += self._after_end(piece) if ids[-1] in self.end_ids else piece
        return tuple(context)

    def _after_end(self, piece: Ids) -> Ids:
        for position, index in enumerate(piece):
            if index in self.end_ids:
                return piece[position + 1 :]
        return piece

    def _split_template(self, roles: tuple[str, ...]) -> tuple[Ids, ...]:
        """Return the template's own tokens before, between and after the messages."""
        sentinels = [f"{self._sentinel}{position}." for position in range(len(roles))]
        messages = [{"role": role, "content": content} for role, content in zip(roles, sentinels, strict=True)]
        rest = self._render_template(messages)
        pieces = []
        for role, sentinel in zip(roles, sentinels, strict=True):
            piece, found, rest = rest.partition(sentinel)
            if not found or sentinel in rest or self._sentinel in piece:
                raise PolicyError(
                    f"the chat template does not keep each message once and in order: lost or moved a {role} message of "
                    f"{'/'.join(roles) or 'no messages'}; give the tokenizer another chat_template"
                )
            pieces.append(piece)
        return tuple(self._encode_piece(piece) for piece in [*pieces, rest])

    def _render_template(self, messages: list[dict[str, str]]) -> str:
        try:
            text = self.tokenizer.apply_chat_template(
                messages,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except (jinja2.TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            roles = "/".join(message["role"] for message in messages)
            raise PolicyError(
                f"the chat template cannot render messages of {roles or 'nobody'}: {error}; give the tokenizer another chat_template"
            ) from error
        assert isinstance(text, str)
        return text

    def _encode_piece(self, piece: str) -> Ids:
        return tuple(self.tokenizer.encode(piece, add_special_tokens=False)) if piece else ()

    def _encode_content(self, text: str) -> Ids:
        return encode_plainly(self.tokenizer, text, self._forbidden)

    def _markers(self) -> frozenset[int]:
        """Return the added tokens that the template writes, special by name or not."""
        added = {index for index, token in self.tokenizer.added_tokens_decoder.items() if token.content.strip()}
        pieces = self._split_template((USER, ASSISTANT, USER))
        return frozenset(added.intersection(*[[index for piece in pieces for index in piece]]))

    def _find_ends(self) -> tuple[int, frozenset[int]]:
        """Return the token that ends a reply in this template, and all that do."""
        after_reply = self._split_template((USER, ASSISTANT, USER))[2]
        marks = [index for index in after_reply if index in self._special]
        eos = self.tokenizer.eos_token_id
        ends = marks[:1] + ([eos] if isinstance(eos, int) else [])
        if not ends:
            raise PolicyError("nothing ends a reply: the tokenizer has no eos_token and its chat template no end of turn; set an eos_token")
        return ends[0], frozenset(ends)


def encode_plainly(tokenizer: PreTrainedTokenizerBase, text: str, forbidden: frozenset[int]) -> Ids:
    """Return the tokens of `text` as plain words, whatever markers it spells out.

    Raises:
        PolicyError: a character has no token but a forbidden one.
    """
    if not text:
        return ()
    ids = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    if forbidden.isdisjoint(ids):
        return tuple(ids)
    # Some vocabularies hold the markers as words too: cut until none is whole.
    if len(text) == 1:
        raise PolicyError(f"the tokenizer has no plain token for {text!r}; use another tokenizer")
    half = len(text) // 2
    return (*encode_plainly(tokenizer, text[:half], forbidden), *encode_plainly(tokenizer, text[half:], forbidden))
