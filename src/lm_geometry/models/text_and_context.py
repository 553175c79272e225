"""A text and what was said before it, as the one input that a model is trained on and measured by.

Models that see both sides read the text first, then what was said before it, newest first, as
in BERT's pairs; the oldest of it is cut where the input is too long. Models that read from left to
right see nothing of what follows: of them the context stands first, oldest first, and its
beginning is cut. Of a text that fills the input alone its end is cut, and no context is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

Span = tuple[int, int]  # first character in the text, and the one after the last
TEXT, CONTEXT, ADDED = "text", "context", ""


@dataclass(frozen=True)
class Encoded:
    """Inputs, a list of tokens each.

    `parts` tells what a token is part of: the text, its context, or neither (added by the
    tokenizer). `offsets` are the characters of the text's tokens in it, and (0, 0) elsewhere.
    `cut` is how many inputs lost tokens of either.
    """

    input_ids: list[list[int]]
    parts: list[list[str]]
    offsets: list[list[Span]]
    cut: int = 0

    @property
    def of_text(self) -> list[list[bool]]:
        """Which tokens are of the text itself."""
        return [[part == TEXT for part in own] for own in self.parts]

    def told(self, max_tokens: int) -> str:
        """A line about what was cut."""
        number = len(self.input_ids)
        return f"context: {self.cut:,} of {number:,} inputs are cut to {max_tokens} tokens"


def encode(
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    contexts: Sequence[Sequence[str]],
    max_tokens: int,
    context_first: bool = False,
) -> Encoded:
    """Each text with its context, cut to `max_tokens` tokens, those that are added included.

    `contexts` hold what was said before each text, newest first; the tokenizer's separator, or a
    line feed where it has none, stands between. Token types are not used: every model here reads
    ids alone. Raises ValueError for a tokenizer that does not tell the place of its tokens, and
    where no context at all fits beside its text.
    """
    if not tokenizer.is_fast:
        raise ValueError(
            f"data_prep.context: {type(tokenizer).__name__} does not tell which tokens are of a "
            "text and which of its context (it is no fast tokenizer): 0"
        )
    if not texts:
        return Encoded([], [], [])
    joined = [_joined(context, tokenizer, context_first) for context in contexts]
    added = {pair: tokenizer.num_special_tokens_to_add(pair=pair) for pair in (True, False)}
    room = max_tokens - max(added.values())
    lengths = list(zip(_lengths(tokenizer, texts), _lengths(tokenizer, joined), strict=True))
    texts_fit = [text < room for text, _ in lengths]
    beside = [bool(before) and fits for before, fits in zip(joined, texts_fit, strict=True)]
    if any(joined) and not any(beside):
        raise ValueError(
            f"data_prep.context: no context fits beside its text in {max_tokens} tokens: more of "
            "finetune.block_tokens and embed.max_length, or context 0"
        )
    cut = sum(
        sum(both) + added[own] > max_tokens for both, own in zip(lengths, beside, strict=True)
    )
    found = Encoded([[]] * len(texts), [[]] * len(texts), [[]] * len(texts), cut)
    for paired in (True, False):
        numbers = [number for number, own in enumerate(beside) if own is paired]
        if not numbers:
            continue
        own = [texts[number] for number in numbers]
        before = [joined[number] for number in numbers] if paired else None
        encoded, place = _encoded(tokenizer, own, before, max_tokens, context_first)
        _put(found, encoded, place, numbers)
    return found


def _joined(context: Sequence[str], tokenizer: "PreTrainedTokenizerBase", first: bool) -> str:
    if not context:
        return ""
    if first:
        return "\n".join(reversed(context)) + "\n"
    return str(tokenizer.sep_token or "\n").join(context)


def _lengths(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str]) -> list[int]:
    ids = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    return [len(own) for own in ids]


def _encoded(
    tokenizer: "PreTrainedTokenizerBase",
    texts: list[str],
    contexts: list[str] | None,
    max_tokens: int,
    context_first: bool,
) -> tuple["BatchEncoding", int]:
    """The tokens, and which of the two places of a pair the texts have."""
    asked: dict[str, Any] = {"max_length": max_tokens, "return_offsets_mapping": True}
    if contexts is None:
        return tokenizer(texts, truncation=True, **asked), 0
    if not context_first:
        return tokenizer(texts, contexts, truncation="only_second", **asked), 0
    side = tokenizer.truncation_side
    tokenizer.truncation_side = "left"
    try:
        return tokenizer(contexts, texts, truncation="only_first", **asked), 1
    finally:
        tokenizer.truncation_side = side


def _put(found: Encoded, encoded: "BatchEncoding", place: int, numbers: Iterable[int]) -> None:
    for row, number in enumerate(numbers):
        names = {None: ADDED, place: TEXT, 1 - place: CONTEXT}
        parts = [names[one] for one in encoded.sequence_ids(row)]
        spans = zip(encoded["offset_mapping"][row], parts, strict=True)
        found.input_ids[number] = encoded["input_ids"][row]
        found.parts[number] = parts
        found.offsets[number] = [span if part == TEXT else (0, 0) for span, part in spans]
