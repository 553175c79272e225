"""Whether a corpus has what a task learns, looked at before anything is loaded."""

from collections.abc import Mapping

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.scored_splits import scored_columns
from lm_geometry.finetune.tasks.class_names import class_names
from lm_geometry.finetune.tasks.classification import labelled
from lm_geometry.finetune.tasks.dialogue_turns import (
    Ontology,
    by_dialogue,
    dialogue_columns,
    known_slots,
    said_turns,
)
from lm_geometry.outs.data_prep.corpora import Columns


def judge_columns(
    settings: Finetune, parts: Mapping[str, Columns], ontology: Ontology
) -> list[str]:
    """A sentence for each class that one split alone has, which no split can learn and score.

    `parts` are the splits that are learned from and scored. Raises ValueError for what makes the
    task impossible: columns that are missing, slots that the ontology lacks, dialogues that are
    scored and not whole, fewer than two classes, a neutral class or a weight of one that is none,
    and a split that is to be scored and not there.
    """
    scored = scored_columns(settings, parts)
    if settings.task == "dialogue_state":
        turns = (dialogue_columns(own, settings) for own in parts.values())
        known_slots(settings, ontology, *turns)
        for own in scored.values():
            by_dialogue(list(said_turns(dialogue_columns(own, settings))))
        return []
    if settings.task != "sequence_classification":
        return []
    names = class_names(settings, *parts.values())
    there = {split: set(labelled(own, settings)["label"]) for split, own in parts.items()}
    alone = {name: [split for split, own in there.items() if name in own] for name in names}
    return [
        f"classes: {name!r} occurs in {splits[0]} alone: it is "
        + ("learned, and never scored" if splits == ["train"] else "scored, and never learned")
        for name, splits in alone.items()
        if len(splits) == 1
    ]
