"""Where a text says a value."""

from lm_geometry.state_tracking.values import TIME, alternatives, forms, normalised
from lm_geometry.state_tracking.words import HOUR_FOLLOWS, Word, joined, words_of

MOST_WORDS = 10  # of one mention


def last_mention(value: str, text: str) -> tuple[int, int] | None:
    """The characters, end excluded, where a text says a value for the last time; None if never.

    A number that stands for a full hour must follow a word such as `at`.
    """
    wanted = forms(value)
    if not wanted:
        return None
    hours = {form for form in wanted if form.isdigit()} if _is_time(value) else set()
    words = list(words_of(text))
    for last in range(len(words) - 1, -1, -1):
        for first in range(last, max(-1, last - MOST_WORDS), -1):
            run = joined(tuple(word.spelled for word in words[first : last + 1]))
            if run in wanted and (run not in hours or _follows(words, first)):
                longer = _longest(words, first, last, wanted)
                return words[longer].start, words[last].end
    return None


def _longest(words: list[Word], first: int, last: int, wanted: frozenset[str]) -> int:
    """The earliest beginning of a mention that ends with word `last`."""
    for start in range(max(0, last - MOST_WORDS + 1), first):
        if joined(tuple(word.spelled for word in words[start : last + 1])) in wanted:
            return start
    return first


def _follows(words: list[Word], place: int) -> bool:
    return place > 0 and words[place - 1].spelled in HOUR_FOLLOWS


def _is_time(value: str) -> bool:
    return any(TIME.match(normalised(part)) for part in alternatives(value))
