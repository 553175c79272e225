"""Values of slots: which are no value, what people say for one, and when two are the same."""

import re
from functools import lru_cache

from lm_geometry.state_tracking.words import joined, spelled

NOTHING, DONTCARE, YES, NO = "", "dontcare", "yes", "no"

_NOTHING = {"", "none", "notmentioned", "notgiven"}
_DONTCARE = {"dontcare", "donotcare", "doesnotcare", "doesntcare", "nopreference"}
_YES, _NO = {"yes", "free", "true"}, {"no", "false"}

# What people say for a value, beside its own words; written as it is joined.
_SAID = {
    "centre": ("central", "middleoftown", "downtown"),
    "north": ("northern", "northside"),
    "south": ("southern", "southside"),
    "east": ("eastern", "eastside"),
    "west": ("western", "westside"),
    "cheap": ("inexpensive", "cheaper", "cheapest", "budget", "lowcost", "affordable", "cheaply"),
    "moderate": ("moderately", "midrange", "midpriced", "mediumpriced", "medium", "reasonable"),
    "expensive": ("highend", "upscale", "fancy", "luxury", "luxurious", "pricey", "expensively"),
    "guesthouse": ("bedandbreakfast", "bandb", "bnb"),
    "bedandbreakfast": ("guesthouse", "guesthouses", "bandb", "bnb"),
    "multiplesports": ("multisports", "multisport", "multiplesport", "sports", "sport"),
    "swimmingpool": ("swimming", "pool"),
    "concerthall": ("concert",),
    "architecture": ("architectural", "architecturally"),
    "entertainment": ("entertaining",),
    "boat": ("boating",),
    "1": ("alone", "justme", "onlyme", "myself", "single"),
}
# At the end of a name, which people leave out.
_KINDS = (
    *("hotel", "guesthouse", "guest house", "restaurant", "lodge", "college", "museum", "cafe"),
    *("train station", "railway station", "station", "nightclub", "bar", "theatre", "church"),
    *("bed and breakfast", "park", "gallery", "cinema", "house", "and bar"),
)
_ENDINGS = tuple(sorted(map(spelled, _KINDS), key=len, reverse=True))
_STATION = re.compile(r"^london(?=.)")
TIME = re.compile(r"^(\d\d?):(\d\d)$")


@lru_cache(maxsize=65536)
def normalised(value: str) -> str:
    """A value in one spelling: joined words in small letters, times `HH:MM`, number words digits.

    Empty for what stands for no value, `dontcare` for every spelling of no preference, and `yes`
    for `free` and `true`, `no` for `false`.
    """
    told = joined(spelled(value))
    if told in _NOTHING:
        return NOTHING
    if told in _DONTCARE:
        return DONTCARE
    return YES if told in _YES else NO if told in _NO else told


def boolean(possible: list[str]) -> bool:
    """Whether a slot whose values are `possible` has no others than yes, no and no preference."""
    known = {normalised(value) for value in possible} - {NOTHING, DONTCARE}
    return bool(known) and known <= {YES, NO}


@lru_cache(maxsize=65536)
def alternatives(value: str) -> tuple[str, ...]:
    """The values of which a label names several: `a|b`, `a>b` and `a<b` are two."""
    return tuple(part.strip() for part in re.split(r"[|<>]", value))


@lru_cache(maxsize=65536)
def forms(value: str) -> frozenset[str]:
    """What people may say for a value: joined words.

    The value itself, its variants, the plural or singular; names without their kind (`acorn guest
    house` is `acorn`), London's stations without London; full hours
    without minutes; times with an hour of one digit, which leaves the half of the day open. One of
    two digits is of the 24-hour clock, as labels have it: `9:15` is `09:15` and `21:15`, which are
    two times, as `11:30` and `23:30` are. (In MultiWOZ 2.1 nobody means the evening by `09:15` or
    `11:30`.)
    """
    found: set[str] = set()
    for part in alternatives(value):
        own, words = normalised(part), spelled(part)
        if not own:
            continue
        found |= {own, *_SAID.get(own, ())}
        if time := TIME.match(own):
            found |= _clock(int(time[1]), time[2])
            continue
        for ending in _ENDINGS:
            if words[-len(ending) :] == ending and len(words) > len(ending):
                found.add(joined(words[: -len(ending)]))
        found.add(_STATION.sub("", own))
        if not own[-1].isdigit():
            found.add(own.removesuffix("s") if own.endswith("s") and len(own) > 3 else f"{own}s")
    return frozenset(found)


def same(one: str, other: str) -> bool:
    """Whether two values are the same: equally spelled, or one what people say for the other."""
    first, second = normalised(one), normalised(other)
    if first == second:
        return True
    if {first, second} & {NOTHING, DONTCARE}:
        return False
    return first in forms(other) or second in forms(one)


def overlapping(one: str, other: str) -> bool:
    """Whether they are the same, or the words of one stand in the other in a row."""
    if same(one, other):
        return True
    if {normalised(one), normalised(other)} & {NOTHING, DONTCARE, YES, NO}:
        return False
    first, second = spelled(one), spelled(other)
    return _within(first, second) or _within(second, first)


def _clock(hour: int, minutes: str) -> set[str]:
    """A time with an hour of one digit, where it has one; full hours without minutes too."""
    hours = {hour, hour - 12 if hour > 12 else hour}
    found = {f"{own}:{minutes}" for own in hours if own < 10}
    if minutes == "00":
        found |= {str(hour), *(str(own) for own in hours if own < 10)}
    return found


def _within(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    starts = range(len(whole) - len(part) + 1)
    return bool(part) and any(whole[start : start + len(part)] == part for start in starts)
