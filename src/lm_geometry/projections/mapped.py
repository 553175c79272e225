"""The tokens of one cloud, or of the same cloud at several checkpoints, as points of maps."""

import numpy as np
import pandas as pd

from lm_geometry.embed.token_table import SPELLING
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.outs.embed.private_tokens import read_private_tokens
from lm_geometry.outs.embed.token_choice import HOW
from lm_geometry.outs.token_sample.clouds import Cloud, read_cloud
from lm_geometry.point_cloud.shapes import Float, Int64
from lm_geometry.projections.choice import Choice
from lm_geometry.projections.reduction import Method, aligned, project

DIMENSION = "dimension"
TOLD = ("token", "position", "document")
DECIMALS = 3  # of coordinates and estimates: finer than a pixel


def map_tokens(
    choice: Choice,
    colour: str = DIMENSION,
    points: int = 1500,
    method: Method = "tsne",
    seed: int = 0,
    *,
    perplexity: int | None = None,
) -> pd.DataFrame:
    """A row per checkpoint and token: where it lies on its map, its local dimension, what it is.

    The tokens are the first `points` (a random draw) that all clouds of `choice` have. Columns:
    `checkpoint`, `row` of the token table, `x`, `y`, `dimension`, `position`, `document`; `token`
    where this machine may show it; and the column of the token table that `colour` names, as
    `colour`. Each map is made on its own, then turned onto the first.

    Raises ValueError for a column that the token table has not, and as `project` does.
    """
    if points < 1:
        raise ValueError(f"points: {points} tokens make no map; 1,500 are usual")
    cloud = choice.clouds[0]
    table = read_tokens(cloud.split)
    if cloud.split.private:  # the map stays on this machine, which may have read the text
        table = table.drop(columns=[name for name in SPELLING if name in table])
        spelled = read_private_tokens(cloud.split, read_model_source().source)
        table = table if spelled is None else table.assign(token=spelled.to_numpy())
    _refuse_absent(colour, table, cloud)
    rows = shared_rows(choice.clouds)[:points]
    if len(rows) < points:
        print(f"{len(rows):,} tokens instead of {points:,}: the clouds have no more in common")
    tokens = _described(table.iloc[rows], colour)
    maps = [
        project(_states(cloud, rows), method, seed, perplexity=perplexity)
        for cloud in choice.clouds
    ]
    parts = []
    for cloud, found in zip(choice.clouds, maps, strict=True):
        x, y = np.round(aligned(found, maps[0]).astype(np.float64), DECIMALS).T
        dimension = choice.local(cloud).reindex(rows).round(DECIMALS).to_numpy()
        own = {"checkpoint": cloud.checkpoint, "row": rows, "x": x, "y": y, DIMENSION: dimension}
        parts.append(pd.concat([pd.DataFrame(own), tokens], axis=1))
    return pd.concat(parts, ignore_index=True)


def shared_rows(clouds: list[Cloud]) -> Int64[np.ndarray, "shared"]:
    """Rows of the token table that every cloud has, in the order of the first."""
    first, *others = (np.load(cloud.file) for cloud in clouds)
    for other in others:
        first = first[np.isin(first, other)]
    return first


def _states(cloud: Cloud, rows: Int64[np.ndarray, "rows"]) -> Float[np.ndarray, "rows width"]:
    X, own = read_cloud(cloud)
    return X[pd.Index(own).get_indexer(pd.Index(rows))]


def _described(tokens: pd.DataFrame, colour: str) -> pd.DataFrame:
    told = tokens.filter([name for name in TOLD if name in tokens]).reset_index(drop=True)
    return told if colour == DIMENSION else told.assign(colour=tokens[colour].to_numpy())


def _refuse_absent(colour: str, table: pd.DataFrame, cloud: Cloud) -> None:
    if colour != DIMENSION and colour not in table:
        raise ValueError(
            f"colour: the tokens of {cloud.split.corpus} {cloud.split.split} have no column "
            f"{colour!r}{HOW.get(colour, '')}; there are {DIMENSION}, "
            f"{', '.join(map(str, table.columns))}"
        )
