"""User turns of a corpus with dialogue states, and what each does to every slot."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NotRequired, TypedDict, cast

from lm_geometry.finetune.learned_columns import lacking
from lm_geometry.finetune.params import Finetune
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.state_tracking.labels import SlotLabel, Turn, turn_labels
from lm_geometry.state_tracking.update import Heard, Tracked, states
from lm_geometry.state_tracking.values import same

Ontology = Mapping[str, list[str]]  # possible values of each slot; none: they are free


class DialogueColumns(TypedDict):
    """Turns of dialogues; the JSON columns are empty where a turn has no state."""

    text: list[str]
    document: list[str]
    turn: list[int]
    state: list[str]
    state_before: list[str]
    informed: list[str]
    requested: list[str]
    context: NotRequired[list[list[str]]]


@dataclass(frozen=True)
class SaidTurn:
    """One user turn, its place among the rows, and in its dialogue."""

    row: int
    dialogue: str
    number: int
    turn: Turn


@dataclass(frozen=True)
class UserTurn(SaidTurn):
    """One user turn with the label of every slot."""

    labels: dict[str, SlotLabel]


def dialogue_columns(columns: Columns, settings: Finetune) -> DialogueColumns:
    """What dialogue_state learns from; raises ValueError where a column is missing."""
    if told := lacking(settings, columns):
        raise ValueError(told)
    return cast("DialogueColumns", columns)


def known_slots(
    settings: Finetune, ontology: Ontology, *parts: DialogueColumns
) -> dict[str, list[str]]:
    """The slots that are tracked, with their possible values.

    They are those of the ontology, or of them those that occur in a state; of a corpus without
    one, those of the states, in the order of their names, with the values that they have there.
    Raises ValueError for slots of states that the ontology lacks, and for none at all.
    """
    found: dict[str, dict[str, None]] = {}
    for state in (state for own in parts for state in own["state"] if state):
        for slot, value in json.loads(state).items():
            found.setdefault(slot, {})[value] = None
    if not ontology:
        ontology = {slot: list(found[slot]) for slot in sorted(found)}
    if unknown := [slot for slot in found if slot not in ontology]:
        raise ValueError(
            f"finetune.task: dialogue_state: states of the corpus of data_prep.train have the slot "
            f"{unknown[0]!r}, which its ontology lacks; that has {', '.join(ontology)}"
        )
    if not found:
        raise ValueError(
            "finetune.task: dialogue_state: no state of the corpus of data_prep.train has a slot"
        )
    every = settings.dialogue_state.slots == "ontology"
    return {slot: list(own) for slot, own in ontology.items() if every or slot in found}


def said_turns(columns: DialogueColumns) -> Iterator[SaidTurn]:
    """The turns that have a state, in the order of the rows."""
    for row, state in enumerate(columns["state"]):
        if not state:
            continue
        before, informed, requested = (
            json.loads(columns[name][row] or "{}")
            for name in ("state_before", "informed", "requested")
        )
        turn = Turn(columns["text"][row], json.loads(state), before, informed, tuple(requested))
        yield SaidTurn(row, str(columns["document"][row]), int(columns["turn"][row]), turn)


def user_turns(columns: DialogueColumns, ontology: Ontology) -> Iterator[UserTurn]:
    """The turns that have a state with what each does to every slot, in the order of the rows."""
    for said in said_turns(columns):
        labels = turn_labels(said.turn, ontology)
        yield UserTurn(said.row, said.dialogue, said.number, said.turn, labels)


def by_dialogue(turns: Sequence[SaidTurn]) -> list[list[int]]:
    """The places of the turns of each dialogue, in the order in which they were said.

    Raises ValueError where turns are missing, so that the state before one is not that after the
    turn before it: the goal of such a dialogue cannot be tracked. Likewise for a dialogue that has
    two user turns of one number, whose order nothing tells.
    """
    found: dict[str, list[int]] = {}
    for place in sorted(range(len(turns)), key=lambda place: turns[place].number):
        found.setdefault(turns[place].dialogue, []).append(place)
    for name, places in found.items():
        for earlier, later in pairwise(turns[place].number for place in places):
            if earlier == later:
                raise ValueError(
                    f"finetune.task: dialogue_state reads turns in the order of the column turn, "
                    f"and dialogue {name} has two user turns of number {later}: number the turns "
                    "of each dialogue 0, 1, 2, …, and give each dialogue a document of its own"
                )
    broken = [name for name, places in found.items() if not _whole([turns[p] for p in places])]
    if broken:
        raise ValueError(
            f"finetune.task: dialogue_state is scored on whole dialogues, and {len(broken)} of "
            f"{len(found)} lack turns ({broken[0]}): data_prep.choose: whole_documents, with "
            "data_prep.min_characters: 0 and no data_prep.drop_prefixes"
        )
    return list(found.values())


def _whole(turns: Sequence[SaidTurn]) -> bool:
    earlier: Mapping[str, str] = {}
    for own in turns:
        before = own.turn.before
        if any(not same(before.get(s, ""), earlier.get(s, "")) for s in {*before, *earlier}):
            return False
        earlier = own.turn.state
    return True


def tracked_states(
    turns: Sequence[SaidTurn],
    dialogues: list[list[int]],
    labels: Sequence[Mapping[str, SlotLabel]],
    booleans: frozenset[str],
) -> list[dict[str, Tracked]]:
    """The state after each turn, dialogue by dialogue, to which the labels of all turns lead.

    They are in the order of `turns`.
    """
    found: list[dict[str, Tracked]] = [{} for _ in turns]
    for places in dialogues:
        heard = [
            Heard(turns[place].turn.text, turns[place].turn.informed, labels[place])
            for place in places
        ]
        for place, state in zip(places, states(heard, booleans), strict=True):
            found[place] = state
    return found
