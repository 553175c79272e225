"""The classes of a corpus, and whether those that settings name are among them."""

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.classification import labelled
from lm_geometry.outs.data_prep.corpora import Columns


def class_names(settings: Finetune, *parts: Columns) -> list[str]:
    """The labels of all splits, in the order of their numbers.

    Raises ValueError for fewer than two, and for `finetune.neutral` or names of
    `finetune.class_weights` that are none of them.
    """
    found = {label for columns in parts for label in labelled(columns, settings)["label"]}
    names = sorted(found - {""})
    if len(names) < 2:
        raise ValueError(
            "finetune.task: sequence_classification needs two classes or more, and the column "
            f"label of the corpus of data_prep.train has {names}"
        )
    weights = settings.class_weights
    asked = [("class_weights", name) for name in (weights if isinstance(weights, dict) else ())]
    asked += [("neutral", settings.neutral)] if settings.neutral is not None else []
    for key, name in asked:
        if name not in names:
            raise ValueError(
                f"finetune.{key}: {name!r} is no class of the corpus of data_prep.train, which has "
                f"{', '.join(names)}"
            )
    return names
