"""Which examples are scored at every checkpoint, and what their scores are called on the way."""

from collections.abc import Mapping

from lm_geometry.finetune.measured import MeasuredScore
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.scored_trainer import ERROR, HELD_OUT, SCORE
from lm_geometry.finetune.tasks.blocks import FixedExamples
from lm_geometry.finetune.tasks.task import Task
from lm_geometry.outs.data_prep.corpora import Columns, first_of


def scored_columns(settings: Finetune, parts: Mapping[str, Columns]) -> dict[str, Columns]:
    """The columns of each split of `finetune.score`, the held-out one first.

    Of each the first `finetune.evaluation_sequences` sequences. Raises ValueError for a split that
    the corpus does not have.
    """
    if missing := [split for split in settings.score if split not in parts]:
        raise ValueError(
            f"finetune.score: {missing[0]}, and the corpus of data_prep.train has the splits "
            f"{', '.join(parts)} alone"
        )
    number = settings.evaluation_sequences
    splits = sorted(settings.score, key=lambda split: split != HELD_OUT)
    return {
        split: parts[split] if number == "all" else first_of(parts[split], number)
        for split in splits
    }


def scored_splits(
    settings: Finetune, task: Task, parts: Mapping[str, Columns]
) -> dict[str, FixedExamples]:
    """The examples of what `scored_columns` has of each split, the held-out one first.

    Raises ValueError where none of a split can be scored, and for a split that the corpus does not
    have.
    """
    number, found = settings.evaluation_sequences, {}
    for split, chosen in scored_columns(settings, parts).items():
        examples = task.held_out_examples(chosen)
        if not examples:
            told = "the" if number == "all" else f"the first {number}"
            kind = "held-out" if split == HELD_OUT else split
            raise ValueError(
                f"finetune.evaluation_sequences: none of {told} {kind} sequences can be scored; "
                "take more"
            )
        found[split] = FixedExamples(examples)
    return found


def measured_score(entry: Mapping[str, float], key: str) -> MeasuredScore:
    """A score that the Trainer logged in `entry`, `eval_NAME` or `eval_SPLIT/NAME`, as recorded."""
    split, _, name = key.removeprefix(SCORE).rpartition("/")
    found: MeasuredScore = {"step": int(entry["step"]), "score": name, "value": entry[key]}
    if (error := entry.get(f"{key}{ERROR}")) is not None:
        found["standard_error"] = error
    return {**found, "split": split} if split else found
