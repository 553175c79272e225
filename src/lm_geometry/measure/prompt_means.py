"""Means over the prompts of a measurement, as rows of its table."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.token_geometry.means import means
from lm_geometry.workspace.tables import Row

ESTIMATOR = {"dimension": "gride", "overlap": "overlap", "cosine": "mean_cosine", "angle": "angle"}
NUMBER = {"dimension": "scale", "overlap": "k"}  # that tells the values of one layer apart
SIZES = (1, 4, 31)  # k of the overlaps in the table, as in the pipeline's figure
ERROR = "prompts"  # how the error was found: from prompt to prompt, as if drawn at random


def prompt_rows(prompts: pd.DataFrame, points: int, confidence: float) -> Iterator[Row]:
    """A row per shuffle, layer, quantity and scale or k: the mean over prompts, its interval.

    `prompts` is of `prompts_table`, each of so many `points`. Intervals are Student's t over
    prompts; values that are missing are counted as `undefined`.
    """
    measured = len(set(prompts["prompt"]))
    largest = max(prompts["k"].dropna().astype(int), default=0)
    sizes = sorted({min(size, largest) for size in SIZES})
    for quantity, estimator in ESTIMATOR.items():
        values = rows_where(prompts, quantity=quantity)
        if quantity == "overlap":
            values = rows_where(values, k=sizes)
        number = NUMBER.get(quantity)
        cell = ["shuffle", "layer", *([number] if number else [])]
        found = means(pd.DataFrame(values, columns=["prompt", *cell, "value"]), confidence)
        for row in found.to_dict("records"):
            known = int(row["prompts"])
            spread, degrees = float(row["standard_deviation"]), known - 1
            yield {
                "layer": int(row["layer"]),
                "level": "prompt",
                "exclude": NONE,
                "estimator": estimator,
                "n_neighbors": float(row[number]) if number else np.nan,
                **{name: row[name] for name in ("mean", "standard_deviation", "lower", "upper")},
                "standard_error": spread / np.sqrt(degrees) if degrees > 0 else np.nan,
                "degrees": max(degrees, 0),
                "error": ERROR,
                "points": points,
                "clouds": measured,
                "documents": known,
                "undefined": measured - known,
                "shuffle": int(row["shuffle"]),
            }
