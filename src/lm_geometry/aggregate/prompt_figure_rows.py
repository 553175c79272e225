"""Records of the figures of prompts, taken from the table of means over prompts."""

from collections.abc import Iterator, Mapping
from typing import TypedDict, cast

import numpy as np
import pandas as pd

from lm_geometry.figures.corpus_labels import labelled
from lm_geometry.figures.records import Record, figure_records
from lm_geometry.outs.embed.prompts import PromptRecords
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.tables import Row

Rows = list[Row]
LAYERS = 6  # panels of the figure over scales
SIZES = (1, 4, 31)  # k of the overlaps that are drawn
CORRELATED_SCALES, CORRELATED_SIZE = (2, 4, 8), 8  # scales and k whose correlation is drawn


class MeanRow(TypedDict):
    """A row of the means over prompts."""

    checkpoint: str
    corpus: str
    shuffle: float
    layer: float
    scale: float
    mean: float
    standard_deviation: float
    prompts: float


def prompt_figures(
    tables: Mapping[str, pd.DataFrame], records: PromptRecords, checkpoint: str, label: str
) -> Iterator[tuple[str, list[Record]]]:
    """(name, records) of each figure of prompts; without any the record says why.

    Of `tables` prompt_means and prompt_correlations are drawn; base and `checkpoint` are shown, as
    far as they were measured, of correlations the last of the two; `label` names the model.
    """
    means = tables["prompt_means"]
    sides = means.loc[means["checkpoint"].isin((BASE, checkpoint))]
    # Layer 0 has a point per different token; its dimension, far above all others, hides them.
    at = [layer for layer in records.layers if layer] or records.layers
    dimension = sides.loc[(sides["quantity"] == "dimension") & sides["layer"].isin(at)]
    some = {at[i] for i in np.linspace(0, len(at) - 1, LAYERS).round().astype(int)}
    made = {
        "prompt_dimension": _scaled(dimension),
        "prompt_scales": _scaled(dimension.loc[dimension["layer"].isin(some)]),
        "prompt_similarity": _similarity(sides),
    }
    settings = _settings(records, label)
    for name, rows in made.items():
        yield name, figure_records(name, labelled(rows), settings, records.nothing or "no values")
    rows, nothing = _correlations(tables["prompt_correlations"], checkpoint)
    yield (
        "prompt_correlation",
        figure_records("prompt_correlation", labelled(rows), settings, records.nothing or nothing),
    )


def _scaled(table: pd.DataFrame) -> Rows:
    return [_spread(row) | {"scale": int(row["scale"])} for row in _means(table)]


def _similarity(means: pd.DataFrame) -> Rows:
    largest = means.loc[means["quantity"] == "overlap", "k"].max()
    sizes = sorted({min(size, largest) for size in SIZES})
    panels = [("overlap", k, f"overlap with the next layer, k = {k:g}") for k in sizes]
    panels += [
        ("cosine", np.nan, "mean cosine of all pairs"),
        ("angle", np.nan, "angle between the two nearest (degrees)"),
        ("reciprocity", largest, f"reciprocity, k = {largest:g}"),
    ]
    rows: Rows = []
    for place, (quantity, k, name) in enumerate(panels):
        own = means.loc[means["quantity"] == quantity]
        chosen = own if np.isnan(k) else own.loc[own["k"] == k]
        keys: Row = {"quantity": name, "place": place}
        rows += [_spread(row) | keys for row in _means(chosen)]
    return rows


def _correlations(table: pd.DataFrame, checkpoint: str) -> tuple[Rows, str]:
    """Rows of the correlations with the loss, and why there are none where that is so."""
    there = list(table["checkpoint"])
    own = table.loc[table["checkpoint"] == (checkpoint if checkpoint in there else BASE)]
    known = own.loc[own["value"].notna() & (own["layer"] >= 1)]
    if known.empty:
        reasons = [reason for reason in own["missing"] if reason]
        return [], reasons[0] if reasons else "no values"
    rows: Rows = []
    for place, (name, part) in enumerate(_correlated(known)):
        rows += [
            {
                **{key: row[key] for key in ("checkpoint", "corpus", "method")},
                **{key: _known(row[key]) for key in ("lower", "upper")},
                **{key: int(row[key]) for key in ("shuffle", "layer", "prompts")},
                "correlation": row["value"],
                "given": row["given"],
                "quantity": name,
                "place": place,
            }
            for row in part.to_dict("records")
        ]
    return rows, ""


def _correlated(known: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(name, rows) of the quantities whose correlation is drawn: the paper's scales, and others."""
    for scale in CORRELATED_SCALES:
        chosen = (known["quantity"] == "dimension") & (known["scale"] == scale)
        yield f"dimension, scale {scale}", known.loc[chosen]
    overlaps = known.loc[known["quantity"] == "overlap"]
    if len(overlaps):
        k = min(overlaps["k"].max(), CORRELATED_SIZE)
        yield f"overlap with the next layer, k = {k:g}", overlaps.loc[overlaps["k"] == k]
    yield "mean cosine", known.loc[known["quantity"] == "cosine"]


def _known(value: float) -> float | None:
    """The end of an interval; null where there is none."""
    return None if np.isnan(value) else value


def _means(table: pd.DataFrame) -> list[MeanRow]:
    return cast("list[MeanRow]", table.to_dict("records"))


def _spread(row: MeanRow) -> Row:
    name, mean, deviation = row["checkpoint"], row["mean"], row["standard_deviation"]
    return {
        "checkpoint": name,
        "step": 0 if name == BASE else int(name),
        "corpus": row["corpus"],
        "shuffle": int(row["shuffle"]),
        "layer": int(row["layer"]),
        "mean": mean,
        "lower": mean - deviation,
        "upper": mean + deviation,
        "prompts": int(row["prompts"]),
    }


def _settings(records: PromptRecords, label: str) -> str:
    """The line above each figure: which prompts were measured."""
    first = " without the first token" if records.drop_first else ""
    number = len(records.prompts)
    prompts = f"{number} prompt{'' if number == 1 else 's'} of {records.corpus}"
    return f"{label} · {prompts} · {records.tokens:,} tokens each{first}"
