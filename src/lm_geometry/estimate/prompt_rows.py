"""The tidy tables of prompts that were measured here."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lm_geometry.estimate import prompt_numbers
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.outs.estimate.prompt_tables import CLOUD, COLUMNS, GeometryTables, no_rows
from lm_geometry.point_cloud.shapes import Int64, Real
from lm_geometry.workspace.tables import Row


def measured_tables(
    prompts: Iterable[tuple[Row, PromptGeometry, Row]], layers: list[int] | None = None
) -> GeometryTables:
    """The tables of measured prompts: each its keys, its geometry, and what goes beside its loss.

    Keys are `model`, `prompt`, `shuffle`, and where there are several `checkpoint`, `corpus`,
    `split`. The third part has `value`, the mean loss, and such as `tokens` and `types`. `layers`
    are the numbers of the layers measured (default 0, 1 …); overlaps are of layers that follow each
    other in it. Missing values stay in, as NaN. Raises ValueError where a key is missing.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in COLUMNS}
    for keys, geometry, loss in prompts:
        missing = set(CLOUD) - set(keys)
        if missing:
            raise ValueError(f"keys: {sorted(missing)} is missing beside {list(keys)}")
        numbers = np.array(layers if layers is not None else range(len(geometry.radii)))
        for name, table in _tables(geometry, numbers).items():
            parts[name].append(_with(keys, table))
        parts["loss"].append(_with(keys, pd.DataFrame([loss])))
    tables = {
        name: pd.concat(found, ignore_index=True) if found else no_rows(name)
        for name, found in parts.items()
    }
    return GeometryTables(**tables)


def _tables(
    geometry: PromptGeometry, layers: Int64[np.ndarray, "layers"]
) -> dict[str, pd.DataFrame]:
    gride = prompt_numbers.dimension(geometry)
    dimension, error, points = map(np.atleast_2d, (gride.dimension, gride.error, gride.points))
    overlap = prompt_numbers.consecutive_overlap(geometry)
    scales = 2 ** np.arange(1, dimension.shape[1] + 1)
    sizes = np.arange(1, overlap.shape[1] + 1)
    cosine = {
        "value": geometry.mean_cosine,
        "value_off_diagonal": geometry.mean_cosine_off_diagonal,
        "standard_deviation": geometry.cosine_deviation,
    }
    angles = {
        "value": np.degrees(geometry.angle_between_nearest),
        "to_nearest": np.degrees(geometry.angle_to_nearest),
    }
    pairs = _crossed(layers[:-1], sizes, "k", {"value": overlap})
    pairs.insert(1, "next_layer", np.repeat(layers[1:], len(sizes)))
    whole = {"value": dimension, "standard_error": error, "points": points}
    return {
        "dimension": _crossed(layers, scales, "scale", whole),
        "overlap": pairs,
        "cosine": pd.DataFrame({"layer": layers, **cosine}),
        "angle": pd.DataFrame({"layer": layers, **angles}),
    }


def _crossed(
    layers: Int64[np.ndarray, "layers"],
    others: Int64[np.ndarray, "others"],
    name: str,
    values: dict[str, Real[np.ndarray, "layers others"]],
) -> pd.DataFrame:
    """A row per layer and scale or k."""
    keys = {"layer": np.repeat(layers, len(others)), name: np.tile(others, len(layers))}
    return pd.DataFrame(keys | {column: np.ravel(array) for column, array in values.items()})


def _with(keys: Row, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the keys of its prompt in front."""
    for place, (name, value) in enumerate(keys.items()):
        table.insert(place, name, value)
    return table
