"""What null models read of a study's run, beside what was measured, and what they leave."""

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import REMAINDERS, Collected

OF = {"dimension": "mean", "change": "change", "difference": "difference"}
COLUMNS = [
    *("layer", "corpus", "control", "split", "checkpoint", "side", "surrogate", "draws"),
    *("real", "real_lower", "real_upper", "surrogate_mean", "surrogate_deviation"),
    *("null_p_value", "adjusted_null_p_value"),
    *("mean", "lower", "upper", "p_value", "adjusted_p_value"),
]


def null_rows(figure: Figure, one: Collected) -> pd.DataFrame:
    """A row per null model and cell that the figure shows; `COLUMNS`, `mean` is the remainder.

    Raises ValueError where the run has no null models.
    """
    if REMAINDERS not in one.tables:
        raise ValueError(
            f"figure {figure.title!r}: {one.experiment.name} has no null models: set "
            "estimate.surrogates.kinds"
        )
    table = rows_where(one.shown(one.tables[REMAINDERS]), of=OF[figure.value])
    table = rows_where(table, checkpoint=[BASE, one.checkpoint])
    if figure.layers == "shown":
        table = rows_where(table, layer=one.layer)
    side = np.where(table["checkpoint"] == BASE, "base", "fine-tuned")
    return table.assign(side=side).loc[:, COLUMNS]
