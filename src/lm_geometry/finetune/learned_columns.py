"""The columns that a task learns from beside texts, and what is said where a corpus lacks them."""

from collections.abc import Collection

from lm_geometry.finetune.params import Finetune

CLASSES = {
    "sequence_classification": ("label",),
    "token_classification": ("words", "tags"),
    "dialogue_state": ("state", "state_before", "informed", "requested", "document", "turn"),
}
_THERE = (
    "reviews, dailydialog and emowoz have labels, multiwoz21, sgd and wnut-17 words with tags, "
    "multiwoz21 and sgd states of dialogues, and the catalogue entry of another corpus can name "
    "its columns (label_column, tags_column); docs/dialogue.md shows rows with states of your own"
)


def learned_columns(settings: Finetune) -> tuple[str, ...]:
    """The columns that the task needs."""
    if settings.task == "sequence_to_sequence" and settings.target == "label":
        return ("label",)
    return CLASSES.get(settings.task, ())


def lacking(settings: Finetune, there: Collection[str]) -> str:
    """The sentence about columns that the task needs and that are not `there`; empty for none.

    It names the parameter that asks for them.
    """
    names, task = learned_columns(settings), settings.task
    missing = [name for name in names if name not in there]
    if not missing:
        return ""
    key = f"task: {task}" if task in CLASSES else f"target: {settings.target} of {task}"
    columns = "columns" if names[1:] else "column"
    return (
        f"finetune.{key} learns from the {columns} {' and '.join(names)}, and the corpus of "
        f"data_prep.train has no {' and no '.join(missing)}, only {', '.join(there)}; {_THERE}"
    )
