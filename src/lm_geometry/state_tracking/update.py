"""The state of a dialogue, turn by turn, from what a model (or a label) says of each slot."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lm_geometry.state_tracking.labels import SlotLabel, State
from lm_geometry.state_tracking.values import DONTCARE, NO, YES


class Tracked(NamedTuple):
    """A value in the state, and whether it was taken from what the system informed."""

    value: str
    informed: bool = False


TrackedState = Mapping[str, Tracked]


@dataclass(frozen=True)
class Heard:
    """What an update reads: the user's words, what the system informed before, and the classes.

    `labels` may leave out slots that are none.
    """

    text: str
    informed: State
    labels: Mapping[str, SlotLabel]


def updated(before: TrackedState, heard: Heard, booleans: frozenset[str]) -> dict[str, Tracked]:
    """The state after a turn; `before` is not changed.

    none and request keep a slot; dontcare sets it so; true and false set yes and no, of `booleans`
    alone; copy_value takes the words of the span, inform the value that the system informed, refer
    the value that the other slot had *before* the turn. What is not there changes nothing.
    """
    after = dict(before)
    for slot, label in heard.labels.items():
        found = _value(before, heard, slot, label, slot in booleans)
        if found is not None:
            after[slot] = found
    return after


def states(turns: Iterable[Heard], booleans: frozenset[str]) -> list[dict[str, Tracked]]:
    """The state after each user turn of one dialogue, which begins with none."""
    found: list[dict[str, Tracked]] = []
    for turn in turns:
        found.append(updated(found[-1] if found else {}, turn, booleans))
    return found


def _value(
    before: TrackedState, heard: Heard, slot: str, label: SlotLabel, yes_or_no: bool
) -> Tracked | None:
    match label.kind:
        case "dontcare":
            return Tracked(DONTCARE)
        case "true" | "false" if yes_or_no:
            return Tracked(YES if label.kind == "true" else NO)
        case "copy_value" if label.span and (said := heard.text[slice(*label.span)].strip()):
            return Tracked(said)
        case "inform" if heard.informed.get(slot):
            return Tracked(heard.informed[slot], informed=True)
        case "refer" if label.referred in before:
            return before[label.referred]
        case _:
            return None
