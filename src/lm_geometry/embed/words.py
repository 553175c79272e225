"""Words and tokens of a text: where each word is, and which word each token belongs to."""

from collections.abc import Sequence
from itertools import accumulate, takewhile

import numpy as np

from lm_geometry.point_cloud.shapes import Int64

Span = tuple[int, int]  # first character, and the one after the last
NO_WORD = -1


def joined_spans(words: Sequence[str], text: str) -> list[Span]:
    """Spans of `words` in `text`, which is the words joined by single spaces.

    White space at either end of `text` may differ. Raises ValueError where anything else does.
    """
    joined = " ".join(words)
    if joined.strip() != text.strip():
        pairs = zip(joined.strip(), text.strip(), strict=False)
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        raise ValueError(  # without the text, which may be private
            f"its words do not make its text: joined by spaces they differ from character {same} on"
        )
    shift = _leading(text) - _leading(joined)
    ends = [end + shift for end in accumulate(len(word) + 1 for word in words)]
    return [(end - 1 - len(word), end - 1) for word, end in zip(words, ends, strict=True)]


def word_numbers(
    offsets: Sequence[Span], spans: Sequence[Span], text: str
) -> Int64[np.ndarray, "tokens"]:
    """The word in which each token begins, as an index into `spans`; else -1.

    `offsets` are those of a fast tokenizer. White space at a token's beginning does not count,
    and a token that is the space before a word belongs to that word, as it would if words were
    tokenised one by one. Other white space, and special tokens that were added, have no word.
    """
    found = np.full(len(offsets), NO_WORD)
    starts = np.array([start for start, _ in spans])
    for token, (start, end) in enumerate(offsets):
        begin = start + _leading(text[start:end])
        word = int(np.searchsorted(starts, begin, side="right")) - 1
        inside = begin < end and word >= 0 and begin < spans[word][1]
        before = text[start:end] == " " and word >= 0 and spans[word][0] == end
        if inside or before:
            found[token] = word
    return found


def token_tags(numbers: Int64[np.ndarray, "tokens"], tags: Sequence[str]) -> list[str]:
    """Each token's tag: that of its word, and nothing for a token without a word."""
    return [tags[word] if word != NO_WORD else "" for word in map(int, numbers)]


def token_bio_tags(numbers: Int64[np.ndarray, "tokens"], tags: Sequence[str]) -> list[str]:
    """`token_tags` of BIO tags: after the first token of a word, `B-X` goes on as `I-X`."""
    later = np.concatenate([[False], numbers[1:] == numbers[:-1]])
    found = token_tags(numbers, tags)
    for token in np.flatnonzero(later).tolist():
        if found[token].startswith("B-"):
            found[token] = "I-" + found[token].removeprefix("B-")
    return found


def _leading(text: str) -> int:
    return len(text) - len(text.lstrip())
