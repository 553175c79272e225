"""Joint goal accuracy: how often the whole state is right."""

from collections.abc import Sequence
from dataclasses import dataclass

from lm_geometry.state_tracking.labels import State
from lm_geometry.state_tracking.update import Tracked, TrackedState
from lm_geometry.state_tracking.values import NOTHING, normalised, overlapping, same

NO_VALUE = Tracked(NOTHING)


@dataclass(frozen=True)
class Goals:
    """Shares of turns whose whole state is right, and of slots of turns that are."""

    joint_goal_accuracy: float
    slot_accuracy: float


def joint_goal(
    predicted: Sequence[TrackedState],
    gold: Sequence[State],
    slots: Sequence[str],
    lenient: bool = False,
) -> Goals:
    """How often the states of user turns are right, one predicted and one gold state for each.

    joint_goal_accuracy is the mean over user turns of [every slot is right]; slot_accuracy the mean
    over turns and slots of [the slot is right]. A slot without a value counts as one that has the
    value "nothing". A slot is right if both values are equal as `values.normalised` spells them
    (small letters, punctuation, spaces and a leading `the` left out, number words as digits, times
    as HH:MM), or if one is among the `values.forms` of the other (variants, plural, a name without
    its kind, a time by the 12-hour clock); of a gold label that names several values, one will do.

    With `lenient`, as the published script of TripPy-R counts: a value that was taken from what the
    system informed is right, too, if it contains the gold value or is contained in it.
    Raises ValueError for no turn, no slot, or sequences of unlike length.
    """
    if not gold or not slots:
        raise ValueError("a joint goal needs a turn and a slot at least")
    wrong = [
        _wrong(own, wanted, slots, lenient) for own, wanted in zip(predicted, gold, strict=True)
    ]
    turns = len(wrong)
    return Goals(
        joint_goal_accuracy=sum(count == 0 for count in wrong) / turns,
        slot_accuracy=1 - sum(wrong) / (turns * len(slots)),
    )


def _wrong(predicted: TrackedState, gold: State, slots: Sequence[str], lenient: bool) -> int:
    """The number of slots that are wrong in one turn."""
    return sum(
        not _right(predicted.get(slot, NO_VALUE), gold.get(slot, NOTHING), lenient)
        for slot in slots
        if slot in predicted or slot in gold
    )


def _right(found: Tracked, wanted: str, lenient: bool) -> bool:
    if same(found.value, wanted):
        return True
    if not (lenient and found.informed and normalised(wanted)):
        return False
    return overlapping(found.value, wanted)
