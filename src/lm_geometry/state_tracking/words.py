"""Words of a text with their places, spelled in one way: numbers, times, possessives."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SPELLED = {word: str(number) for number, word in enumerate((*_NUMBERS, "eleven", "twelve"))} | {
    "center": "centre",
    "theater": "theatre",
    "theaters": "theatres",
    "mon": "monday",
    "tues": "tuesday",
    "wed": "wednesday",
    "weds": "wednesday",
    "thur": "thursday",
    "thurs": "thursday",
    "fri": "friday",
    "noon": "12:00",
    "midnight": "00:00",
    "n't": "not",
    "&": "and",
}
HOUR_FOLLOWS = {"at", "by", "after", "before", "around", "until", "about", "from", "past", "till"}

_WORD = re.compile(
    r"(?P<hour>\d{1,2})(?:\s?[:.]\s?(?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?\s?m\b\.?"
    r"|(?P<hour24>\d{1,2})(?:\s?:\s?|\.)(?P<minute24>[0-5]\d)(?!\d)"
    r"|(?P<clock>(?:[01]\d|2[0-3])[0-5]\d)(?!\w)"
    r"|(?P<sharp>\d{1,2})\s?o\s?'?\s?clock"
    r"|n't\b|&|[^\W_]+(?:\s?['’]s\b)?",
    flags=re.IGNORECASE,
)


class Word(NamedTuple):
    """One word as it is compared, and its characters in the text, the end excluded."""

    spelled: str
    start: int
    end: int


def words_of(text: str) -> Iterator[Word]:
    """The words of a text in small letters, punctuation left out.

    Number words are digits and a possessive is one word with its noun (`john's` is `johns`). Times
    are `HH:MM` where they say which half of the day they are of; `5:15` may be of either.
    """
    for found in _WORD.finditer(text):
        yield Word(_spelled(found), found.start(), found.end())


@lru_cache(maxsize=65536)
def spelled(text: str) -> tuple[str, ...]:
    """The words of a short text alone, without a leading `the`."""
    words = tuple(word.spelled for word in words_of(text))
    return words[1:] if words[:1] == ("the",) and len(words) > 1 else words


def joined(words: tuple[str, ...]) -> str:
    """Words without the spaces between them, so that `guest house` is `guesthouse`.

    Between two numbers a space stays.
    """
    told = "".join(f" {word}" if word[:1].isdigit() else word for word in words)
    return re.sub(r"(?<!\d) ", "", told)


def _spelled(found: re.Match[str]) -> str:
    if found["hour"]:
        hour = int(found["hour"]) % 12 if int(found["hour"]) <= 12 else int(found["hour"])
        late = 12 if found["half"].lower() == "p" and hour < 12 else 0
        return _time(hour + late, int(found["minute"] or 0))
    if found["hour24"]:
        return f"{found['hour24']}:{found['minute24']}"
    if found["clock"]:
        return _time(int(found["clock"][:2]), int(found["clock"][2:]))
    if found["sharp"]:
        return f"{found['sharp']}:00"
    word = re.sub(r"\s?['’]s$", "s", found[0].lower())
    return SPELLED.get(word, word)


def _time(hour: int, minute: int) -> str:
    return f"{hour % 24:02}:{minute:02}"
