"""What shuffling does to the geometry of prompts: one row per model and shuffle."""

from typing import Any

import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import GeometryTables, groups_of, rows_where
from lm_geometry.token_geometry.means import layer_means, means, peaks

SCALES = (2, 4, 8)
SIZES = (1, 2, 4, 8, 31)


def shuffle_table(
    tables: GeometryTables, scales: tuple[int, ...] = SCALES, sizes: tuple[int, ...] = SIZES
) -> pd.DataFrame:
    """Loss, dimension, cosine and overlap of every run and shuffle; means over prompts.

    Columns: `loss` and `loss_deviation` over prompts; for each scale `peak_<scale>`, the largest
    mean dimension, at `layer_<scale>`; `cosine` and `overlap_<k>`, means over layers 1 … last (and
    their pairs). At the layer where the unshuffled prompts peak at the first scale:
    `dimension_at_peak`, `cosine_at_peak`, `overlap_at_peak` (the first k, with the next layer).
    `dimension_last`: at the last layer.
    """
    groups = groups_of(tables.dimension)
    keys = [*groups, "shuffle"]
    loss = means(tables.loss).set_index(keys)
    parts: dict[str, Any] = {"loss": loss["mean"], "loss_deviation": loss["standard_deviation"]}
    top = peaks(rows_where(tables.dimension, scale=list(scales)))
    for scale in scales:
        own = rows_where(top, scale=scale).set_index(keys)
        parts |= {f"peak_{scale}": own["mean"], f"layer_{scale}": own["layer"]}
        if scale == scales[0]:
            parts["dimension_last"] = own["last"]
    parts["cosine"] = layer_means(tables.cosine).set_index(keys)["mean"]
    averages = layer_means(rows_where(tables.overlap, k=list(sizes)))
    for k in sizes:
        parts[f"overlap_{k}"] = rows_where(averages, k=k).set_index(keys)["mean"]
    peak = rows_where(top, scale=scales[0], shuffle=0)[[*groups, "layer"]]
    for name, table in {
        "dimension_at_peak": rows_where(tables.dimension, scale=scales[0]),
        "cosine_at_peak": tables.cosine,
        "overlap_at_peak": rows_where(tables.overlap, k=sizes[0]),
    }.items():
        parts[name] = means(table).merge(peak, on=[*groups, "layer"]).set_index(keys)["mean"]
    return pd.DataFrame(parts).reset_index()
