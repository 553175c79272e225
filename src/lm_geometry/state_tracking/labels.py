"""What a user's turn does to each slot: the eight classes of Heck et al. (2020, TripPy)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from lm_geometry.state_tracking.mentions import last_mention
from lm_geometry.state_tracking.values import (
    DONTCARE,
    NO,
    NOTHING,
    YES,
    boolean,
    normalised,
    overlapping,
    same,
)

Kind = Literal["none", "dontcare", "copy_value", "true", "false", "refer", "inform", "request"]
State = Mapping[str, str]  # value by slot; a slot that is not there has none

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Turn:
    """A user's turn: its text, the state after and before it, what the system informed and asks.

    `informed` holds the first value of each slot that the system's previous turn informed,
    `requested` the slots that the user asks for.
    """

    text: str
    state: State
    before: State
    informed: State
    requested: tuple[str, ...] = ()


@dataclass(frozen=True)
class SlotLabel:
    """The class of a slot in one turn, and where its value is.

    `span`: characters of the turn's text, the end excluded, of class copy_value. `referred`: the
    slot whose value is taken, of class refer. `pointable` is False of a value that stands nowhere:
    its class is none (or request), and no model of this kind can find it.
    """

    kind: Kind
    span: tuple[int, int] | None = None
    referred: str | None = None
    pointable: bool = True


NONE = SlotLabel("none")


def turn_labels(turn: Turn, ontology: Mapping[str, list[str]]) -> dict[str, SlotLabel]:
    """The label of every slot of the ontology in one turn.

    Slots whose value the turn does not change are none. A new value is, in this order: dontcare;
    true or false, of a slot that is boolean by its possible values; copied from the user's words,
    where they say it last; what the system informed (either may contain the other); that of another
    slot before the turn. Else it cannot be pointed to. A slot without a new value that is pointed
    to and that the user asks for is a request. Raises KeyError for a slot that the ontology lacks.
    """
    found = dict.fromkeys(ontology, NONE)
    for slot, value in turn.state.items():
        if not same(value, turn.before.get(slot, NOTHING)):
            found[slot] = _label(turn, slot, value, boolean(ontology[slot]))
    for slot in turn.before:
        if slot not in turn.state and normalised(turn.before[slot]):
            found[slot] = SlotLabel("none", pointable=False)  # no class takes a value away
    for slot in turn.requested:
        if slot in found and found[slot].kind == "none":
            found[slot] = SlotLabel("request", pointable=found[slot].pointable)
    return found


def _label(turn: Turn, slot: str, value: str, yes_or_no: bool) -> SlotLabel:
    told = normalised(value)
    if told == DONTCARE:
        return SlotLabel("dontcare")
    if yes_or_no and told in (YES, NO):
        return SlotLabel("true" if told == YES else "false")
    if told:
        if span := last_mention(value, turn.text):
            return SlotLabel("copy_value", span=span)
        if overlapping(turn.informed.get(slot, NOTHING), value):
            return SlotLabel("inform")
        if referred := _referred(turn.before, slot, value):
            return SlotLabel("refer", referred=referred)
    return SlotLabel("none", pointable=False)


def _referred(before: State, slot: str, value: str) -> str | None:
    """Another slot with the value: one of the same name first, and of a number no other."""
    name = slot.partition("-")[2]
    there = [other for other in before if other != slot and same(before[other], value)]
    alike = [other for other in there if other.partition("-")[2] == name]
    if alike:
        return alike[0]
    other_names = there if normalised(value) not in (YES, NO) else []
    return None if normalised(value).isdigit() or not other_names else other_names[0]
