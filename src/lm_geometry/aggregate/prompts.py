"""The tables of prompts: means over them, peaks, and what shuffling changes."""

from collections.abc import Iterator

import pandas as pd

from lm_geometry.aggregate import prompt_correlations
from lm_geometry.aggregate.params import Bootstrap
from lm_geometry.aggregate.where import saying_where
from lm_geometry.outs.estimate.prompt_tables import GeometryTables
from lm_geometry.outs.estimate.prompts import read_geometry, read_reciprocity
from lm_geometry.token_geometry.means import means, paired_changes, peaks
from lm_geometry.token_geometry.shuffles import SCALES, SIZES, shuffle_table
from lm_geometry.workspace import paths
from lm_geometry.workspace.points import RESIDUAL
from lm_geometry.workspace.tables import write_table

RUN = ["model", "checkpoint", "corpus", "split"]
SUMMARY = ["mean", "standard_deviation", "lower", "upper", "prompts"]
OWN = ["mean_of_peaks", "median_layer", "lower_quartile", "upper_quartile", "first", "last"]
OVERALL = [
    *("loss", "loss_deviation"),
    *(f"{name}_{scale}" for scale in SCALES for name in ("peak", "layer")),
    *("dimension_last", "cosine", *(f"overlap_{k}" for k in SIZES)),
    *("dimension_at_peak", "cosine_at_peak", "overlap_at_peak"),
]
COLUMNS = {
    "prompt_means": [*RUN, "quantity", "shuffle", "layer", "scale", "k", *SUMMARY],
    "prompt_changes": [
        *(*RUN, "quantity", "shuffle", "layer", "scale", "k", *SUMMARY),
        *("share_up", "against"),
    ],
    "prompt_peaks": [*RUN, "shuffle", "scale", "layer", "mean", "standard_deviation", *OWN],
    "prompt_shuffles": [*RUN, "shuffle", *OVERALL],
    "prompt_correlations": prompt_correlations.COLUMNS,
}
"""Columns of each table; those that a quantity does not have are NaN there.

`prompt_means` are over prompts; `prompt_changes` are shuffled minus `against`, of the same prompts;
`prompt_peaks` tell the layer of the largest mean dimension, from layer 1 on (layer 0, before any
block, has a point per different token); `prompt_shuffles` has a row for each S;
`prompt_correlations` are with the loss of the same prompts.
"""


def write_prompt_tables(
    confidence: float, resampling: Bootstrap, where: str = RESIDUAL
) -> dict[str, pd.DataFrame]:
    """The tables of `COLUMNS`, written to data/tables; without prompts they have no rows.

    Intervals have the coverage `confidence`, over prompts; of correlations by `resampling` them.
    `where` in the blocks states were read is said in tables of any place but the stream.
    """
    geometry = read_geometry()
    tables = prompt_tables(geometry, read_reciprocity(), confidence)
    correlations = prompt_correlations.prompt_correlations(geometry, resampling, confidence)
    tables["prompt_correlations"] = correlations
    for name, table in tables.items():
        write_table(paths.TABLES / f"{name}.parquet", saying_where(table, where))
    return tables


def prompt_tables(
    geometry: GeometryTables, reciprocity: pd.DataFrame, confidence: float
) -> dict[str, pd.DataFrame]:
    """The tables of `COLUMNS` from the estimates of each prompt, but for the correlations."""
    measured = {name: table.dropna(subset=["value"]) for name, table in vars(geometry).items()}
    inside = measured["dimension"].loc[measured["dimension"]["layer"] >= 1]
    known = GeometryTables(**measured | {"dimension": inside})
    quantities = {**measured, "reciprocity": reciprocity.dropna(subset=["value"])}
    parts: dict[str, list[pd.DataFrame]] = {
        name: [] for name in COLUMNS if name != "prompt_correlations"
    }
    for quantity, values in quantities.items():
        if len(values):
            parts["prompt_means"].append(means(values, confidence).assign(quantity=quantity))
            parts["prompt_changes"] += [
                table.assign(quantity=quantity) for table in _changes(values, confidence)
            ]
    if len(known.dimension):
        parts["prompt_peaks"].append(peaks(known.dimension))
        parts["prompt_shuffles"].append(shuffle_table(known))
    return {name: _joined(name, found) for name, found in parts.items()}


def _changes(values: pd.DataFrame, confidence: float) -> Iterator[pd.DataFrame]:
    """What every shuffle changes against the smallest one, which is the text itself if there."""
    against, *others = sorted(set(values["shuffle"]))
    for shuffle in others:
        table = paired_changes(values, shuffle, against, confidence)
        yield table.assign(shuffle=shuffle, against=against)


def _joined(name: str, found: list[pd.DataFrame]) -> pd.DataFrame:
    columns = COLUMNS[name]
    tables = [table.reindex(columns=columns) for table in found]
    if not tables:
        return pd.DataFrame(columns=columns)
    # Columns that only some quantities have are numbers all the same.
    partial = dict.fromkeys(["layer", "scale", "k"] if "quantity" in columns else [], "float64")
    return pd.concat([table.astype(partial) for table in tables], ignore_index=True)
