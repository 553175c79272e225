"""All equations of one operation as a corpus, which is made and not read."""

import sys

from lm_geometry.data_prep.corpora.part import Part
from lm_geometry.data_prep.corpora.preparation import Prepared
from lm_geometry.models.arithmetic.equations import make_equations
from lm_geometry.outs.data_prep.equations import Equations


def prepared_equations(settings: Equations) -> dict[str, Prepared]:
    """The splits train and validation, each whole and in the order of the draw.

    Columns: `text`, such as "3 o 5 =", `document` (the text: no two equations belong together),
    and the numbers `a`, `b` and `result` of its elements. Rows are neither filtered nor shuffled,
    for training draws its batches by their numbers.
    """
    from datasets import Dataset, disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    divided = make_equations(settings)
    found = {}
    for split in ("train", "validation"):
        columns = divided.columns(split)
        count = len(columns["text"])
        dataset = Dataset.from_dict(
            {"text": columns["text"], "document": columns["text"], **columns}
        )
        steps = ("read", "not_empty", "kept", "split", "chosen", "documents")
        whole = {"read": len(divided.train) + len(divided.validation)}
        found[split] = Prepared(Part.of(dataset), dict.fromkeys(steps, count) | whole)
    return found
