"""Every estimate on every point cloud, from one neighbour graph per cloud."""

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from lm_geometry.dimension import global_dimension, lpca, mle, twonn, with_dadapy
from lm_geometry.dimension.gride import Gride
from lm_geometry.dimension.gride import from_graph as gride_scales
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.estimate.clouds import GLOBAL, LOCAL, Estimated, folder_name, write_index
from lm_geometry.outs.token_sample.clouds import Cloud, Points, read_cloud, read_seeds
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.workspace import paths
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row, write_table

FEWEST = 3  # points of the smallest cloud that has a dimension


def run() -> None:
    """Write data/estimates, of corpora and of prompts, as params.yaml says."""
    estimate(Estimate.read())
    estimate_prompts()


def estimate(settings: Estimate) -> None:
    """Write data/estimates: a row per token and a row per cloud, for every cloud of the run.

    A cell is one cloud. Finished cells outlive an interruption. Raises ImportError where an
    estimator is DADApy's and that is not installed.
    """
    if any(name.startswith("dadapy.") for name in settings.global_estimators):
        with_dadapy.require()
    rules = ([*settings.estimators], settings.n_neighbors, settings.cdf)
    estimated = Estimated(read_embedded(), read_seeds(), *rules)
    found = estimated.clouds()
    inputs = {"clouds": path_hash(paths.CLOUDS), "states": path_hash(paths.HIDDEN_STATES)}
    cells = Cells("estimate", {"estimate": settings.model_dump(), **inputs})
    for cloud in progress(found, "estimate"):
        name = folder_name(cloud)
        if not cells.has(name):
            local, whole = estimates(cloud, settings)
            write_table(cells.path(name, "local.parquet"), local)
            write_table(cells.path(name, "global.parquet"), whole)
            cells.finish(name)
    for cloud in found:
        cells.publish(folder_name(cloud), to=paths.ESTIMATES / folder_name(cloud))
    write_index(estimated)
    cells.published()


def estimates(cloud: Cloud, settings: Estimate) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of local and the table of global estimates of one cloud.

    A cloud with no more points than a neighbourhood needs has missing values there, and says so.
    """
    X, rows = read_cloud(cloud)
    sizes = {float(asked): size_of(asked, len(X)) for asked in settings.n_neighbors}
    if len(X) < FEWEST:
        print(f"{folder_name(cloud)}: {len(X)} points have no dimension", flush=True)
        return _undefined(cloud, rows, settings)
    largest = max([*sizes.values(), settings.gride_range, 2])
    graph = neighbour_graph(X, min(largest, len(X) - 1), search=settings.search)
    tables = []
    for name in settings.estimators:
        for asked, size in sizes.items():
            values = local_values(name, X, graph, size, settings)
            tables.append(_local_table(cloud, rows, name, asked, values))
            if not np.isfinite(values).any():
                print(f"{folder_name(cloud)}: {name} undefined, {len(X)} points, L = {size}")
    found = {"recall": graph.recall}
    whole = [cloud.keys() | row | found for row in global_rows(X, graph, sizes, settings)]
    return pd.concat(tables, ignore_index=True), pd.DataFrame(whole, columns=GLOBAL)


def _local_table(
    cloud: Cloud,
    rows: Int64[np.ndarray, "points"],
    name: str,
    asked: float,
    values: Float64[np.ndarray, "estimated"],
) -> pd.DataFrame:
    part = {"row": rows[: len(values)], "estimator": name, "n_neighbors": asked}
    return pd.DataFrame(cloud.keys() | part | {"value": values}, columns=LOCAL)


def _undefined(
    cloud: Cloud, rows: Int64[np.ndarray, "points"], settings: Estimate
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of a cloud without any dimension: a missing value for each estimate."""
    missing = np.full(len(rows), np.nan)
    asked = [(name, float(size)) for name in settings.estimators for size in settings.n_neighbors]
    tables = [_local_table(cloud, rows, name, size, missing) for name, size in asked]
    whole = [cloud.keys() | _row(name, np.nan, len(rows)) for name in settings.global_estimators]
    return pd.concat(tables, ignore_index=True), pd.DataFrame(whole, columns=GLOBAL)


def size_of(asked: float, points: int) -> int:
    """The neighbourhood size L that `asked` means in a cloud: below 1 it is a fraction of it."""
    return round(asked * points) if asked < 1 else int(asked)


def local_values(
    name: str, X: Points, graph: NeighbourGraph, size: int, settings: Estimate
) -> Float64[np.ndarray, "estimated"]:
    """Estimates of a cloud's tokens (lPCA: of its first ones); NaN if L is too large."""
    tokens = len(X)
    if name == "lpca" and settings.lpca.tokens != "all":
        tokens = min(tokens, settings.lpca.tokens)
    if not FEWEST <= size <= graph.n_neighbors:
        return np.full(tokens, np.nan)
    if name == "twonn":
        return twonn.local_from_graph(graph, size, **_twonn_rule(settings), X=X)
    if name == "lpca":
        chosen = settings.lpca
        rows = np.arange(tokens)
        return lpca.local(X, graph, size, rows=rows, rule=chosen.rule, **chosen.constants)
    return mle.local_from_graph(graph, size)


class _TwonnRule(TypedDict):
    cdf: twonn.Cdf
    fit: twonn.Fit
    discard: float


def _twonn_rule(settings: Estimate) -> _TwonnRule:
    return {"cdf": settings.cdf, "fit": settings.fit, "discard": settings.discard}


def global_rows(
    X: Points, graph: NeighbourGraph, sizes: dict[float, int], settings: Estimate
) -> Iterator[Row]:
    """A row for each global estimator (Levina-Bickel: for each L) and each GRIDE scale."""
    for name in settings.global_estimators:
        if name == "mle":
            usable = {k: v for k, v in sizes.items() if FEWEST <= v <= graph.n_neighbors}
            for asked, size in usable.items():
                yield _row(name, mle.global_from_graph(graph, size), len(X), n_neighbors=asked)
        elif name == "dadapy.gride":
            yield from _rows_of_scales(name, with_dadapy.gride(graph, settings.gride_range), X)
        else:
            options = _global_options(name, settings)
            yield _row(name, global_dimension(X, name, graph=graph, **options), len(X))
    if settings.gride_range:
        yield from _rows_of_scales("gride", gride_scales(graph, settings.gride_range), X)


def _global_options(name: str, settings: Estimate) -> Mapping[str, Any]:
    """The options of a global estimator that the section has."""
    if name == "twonn":
        return _twonn_rule(settings)
    if name == "lpca":
        return {"rule": settings.lpca.rule, **settings.lpca.constants}
    if name == "dadapy.twonn":
        if settings.fit == "mle" or settings.discard == 0:
            return {"algorithm": "ml"}
        return {"algorithm": "base", "mu_fraction": 1 - settings.discard}
    return {}


def _rows_of_scales(name: str, found: Gride | with_dadapy.Scales, X: Points) -> Iterator[Row]:
    for scale, value, error in zip(found.scale, found.dimension, found.error, strict=True):
        yield _row(name, float(value), len(X), scale=float(scale), error=float(error))


def _row(
    name: str,
    value: float,
    points: int,
    n_neighbors: float = np.nan,
    scale: float = np.nan,
    error: float = np.nan,
) -> Row:
    keys = {"estimator": name, "n_neighbors": n_neighbors, "scale": scale}
    return keys | {"value": value, "standard_error": error, "points": points}
