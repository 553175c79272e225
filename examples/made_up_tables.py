"""Made-up tables of token geometry, for notebooks and tests without any model or published array.

Nothing in them was measured. They have the shape of real ones: a peak in the middle layers that
rises with shuffling, a loss that goes with the dimension.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.outs.estimate.prompt_tables import GeometryTables, read_tables
from lm_geometry.token_geometry.published import read_reference
from lm_geometry.workspace.seeds import stream

MODELS = ("made-up A", "made-up B")
SCALES = 2 ** np.arange(1, 9)
SIZES = np.array([1, 2, 4, 8, 16, 31])


def find_tables() -> tuple[GeometryTables, str]:
    """The tables to look at and where they are from.

    The folder of tables named by LM_GEOMETRY_TABLES; else the published arrays below the folder
    named by LM_GEOMETRY_REFERENCE; else made-up ones.
    """
    own, reference = (os.environ.get(f"LM_GEOMETRY_{name}") for name in ("TABLES", "REFERENCE"))
    if own:
        return read_tables(Path(own)), f"tables in {own}"
    if reference:
        place = Path(reference) / "reference" / "token_geometry"
        return read_reference(place), "published arrays"
    return example_tables(), "made-up tables: nothing in them was measured"


def example_tables(prompts: int = 12, layers: int = 12, seed: int = 0) -> GeometryTables:
    """Made-up tables of two models, `prompts` prompts, S = 0 … 5 and layers 1 … `layers`."""
    generator = stream(seed, "example")
    clouds = pd.MultiIndex.from_product(
        [MODELS, range(100, 100 + prompts), range(6)], names=["model", "prompt", "shuffle"]
    ).to_frame(index=False)
    hard = np.repeat(np.tile(generator.normal(size=prompts), len(MODELS)), 6)
    shuffle = clouds["shuffle"].to_numpy()
    noise = generator.normal(size=len(clouds))
    clouds["loss"] = 1.8 + 0.5 * hard + 0.2 * shuffle**2 + 0.05 * noise
    clouds["height"] = 9 + hard + shuffle + (clouds["model"] == MODELS[1])
    clouds["types"] = np.rint(400 + 40 * hard + 10 * generator.normal(size=len(clouds)))
    layer = pd.DataFrame({"layer": np.arange(1, layers + 1)})
    crossed: Any = clouds.merge(layer, how="cross")
    bump = np.exp(-(((crossed["layer"] / layers - 0.4) / 0.4) ** 2))
    crossed["bump"] = bump + 0.03 * generator.normal(size=len(crossed))
    crossed["cosine"] = 0.2 + 0.05 * crossed["shuffle"] * crossed["layer"] / layers
    crossed["cosine"] += 0.02 * crossed["bump"]
    return GeometryTables(
        dimension=_dimension(crossed),
        overlap=_overlap(crossed[crossed["layer"] < layers]),
        cosine=_columns(crossed, crossed["cosine"], 0.1),
        angle=_columns(crossed, 68 - crossed["shuffle"] * crossed["bump"]),
        loss=clouds[["model", "prompt", "shuffle"]].assign(
            value=clouds["loss"], tokens=1024, types=clouds["types"].astype(int)
        ),
    )


def _dimension(crossed: Any) -> pd.DataFrame:
    table: Any = crossed.merge(pd.DataFrame({"scale": SCALES}), how="cross")
    value = 3 + (table["height"] - 3) * table["bump"] + 0.7 * np.log2(table["scale"])
    found = _columns(table, value)
    found.insert(4, "scale", table["scale"])
    return found.assign(standard_error=value / 32)


def _overlap(crossed: Any) -> pd.DataFrame:
    table: Any = crossed.merge(pd.DataFrame({"k": SIZES}), how="cross")
    value = 0.85 - 0.1 * table["bump"] - 0.01 * table["shuffle"] + 0.003 * np.log2(table["k"])
    found = _columns(table, value)
    found.insert(4, "next_layer", table["layer"] + 1)
    found.insert(5, "k", table["k"])
    return found


def _columns(table: Any, value: Any, deviation: float | None = None) -> pd.DataFrame:
    found = table[["model", "prompt", "shuffle", "layer"]].assign(value=value)
    return found if deviation is None else found.assign(standard_deviation=deviation)
