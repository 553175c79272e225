"""Dialogue states in one form, whatever the format they come in.

A slot is named `domain-slot` in small letters, by the words of ConvLab-3's unified format:
`hotel-price range`, `taxi-leave at`, `hotel-book people`. Values are those of the data.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lm_geometry.data_prep.corpora.rows import Row

State = dict[str, str]  # slot to value
NAMES = ("state", "state_before", "informed", "requested")
# Acts of the system that give a value which the user may take over; of SGD offer and confirm too.
INFORMING = ("inform", "recommend", "select", "book", "offerbooked", "offer", "confirm")
REQUESTING = "request"
UNFILLED = ("", "not mentioned", "none", "?")
# MultiWOZ has hospitals, buses and the police too, which published trackers leave out: thirty
# slots are tracked.
FIVE = {"attraction", "hotel", "restaurant", "taxi", "train"}


@dataclass(frozen=True)
class Act:
    """One dialogue act: what it does (in small letters), of which slot, with which value."""

    intent: str
    slot: str
    value: str = ""


@dataclass(frozen=True)
class Turn:
    """What the data say of one turn; `states` by domain are those after a user turn, else None.

    A domain that `states` leaves out is as it was before.
    """

    states: Mapping[str, State] | None = None
    acts: list[Act] = field(default_factory=list[Act])


def slot_name(domain: str, slot: str) -> str:
    """The name of a slot whose words are those of the unified format already."""
    return f"{domain}-{slot}".lower()


def tracked(domains: Iterable[str]) -> list[str]:
    """Which of a corpus's domains are tracked; of those of MultiWOZ the five that are published."""
    there = list(domains)
    return [name for name in there if name in FIVE] if set(there) >= FIVE else there


def first_value(value: object, separators: str = "|") -> str:
    """The first of several values (a list, or a text with a separator); empty where none is."""
    if isinstance(value, list):
        value = value[0] if value else ""
    text = str(value)
    for separator in separators:
        text = text.partition(separator)[0]
    return "" if text.strip() in UNFILLED else text


def state_columns(turns: Iterable[Turn]) -> Iterator[Row]:
    """The columns `state`, `state_before`, `informed` and `requested` of a dialogue's turns.

    They are empty for a turn of which the data say no state, as system turns are.
    """
    known: dict[str, State] = {}
    before = Turn()
    for turn in turns:
        if turn.states is None:
            yield dict.fromkeys(NAMES, "")
        else:
            earlier, known = known, {**known, **turn.states}
            values = (_whole(known), _whole(earlier), _informed(before), _requested(turn))
            texts = (json.dumps(value, ensure_ascii=False) for value in values)
            yield dict(zip(NAMES, texts, strict=True))
        before = turn


def _whole(states: Mapping[str, State]) -> State:
    return {slot: value for state in states.values() for slot, value in state.items()}


def _informed(turn: Turn) -> State:
    found: State = {}
    for act in turn.acts:
        if act.intent in INFORMING and act.value:
            found.setdefault(act.slot, act.value)
    return found


def _requested(turn: Turn) -> list[str]:
    return list(dict.fromkeys(act.slot for act in turn.acts if act.intent == REQUESTING))
