"""The two tables of a cloud: a row per token, a row per cloud; each reading, from one graph."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from lm_geometry.dimension import mle
from lm_geometry.estimate.global_rows import other_rows, row_of, rows_of_neighbours
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.query_reading import readings_of_queries
from lm_geometry.estimate.reading import Deletions, Estimates, Reading
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.sizes import FEWEST, length_of_lists, sizes_of
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.neighbours.filtered import excluding
from lm_geometry.neighbours.labels import others
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import GLOBAL, LOCAL, folder_name, without
from lm_geometry.outs.token_sample.clouds import Cloud, Points
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace.tables import Row, Scalar

_Key = tuple[int, str, str, str]


class _WithoutGroups(NamedTuple):
    """Estimates without each group: MLE's of the tokens by the L asked for, global ones by key."""

    mle: dict[float, Deletions]
    whole: dict[_Key, Scalar]


def estimates(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of local and the table of global estimates of one cloud.

    X `[points, width]` and their `rows` in the token table. A cloud with no more points than a
    neighbourhood needs has missing values there, and says so. Raises ValueError where a reading
    leaves too few neighbours for a size that the cloud has points enough for.
    """
    if len(X) < FEWEST:
        print(f"{folder_name(cloud)}: {len(X)} points have no dimension", flush=True)
        return _undefined(cloud, rows, settings)
    of_cloud = _readings_of_cloud if settings.reference == "sample" else readings_of_queries
    local, whole, recall = [], [], 1.0
    for reading in of_cloud(cloud, X, rows, readings, settings):
        left_out = _without_groups(reading)
        local += _local_tables(cloud, rows, reading, left_out)
        whole += _global_rows(reading, left_out)
        recall = reading.graph.recall
    keys = cloud.keys() | {"recall": recall}
    columns = [*GLOBAL, *without(settings.jackknife.groups)]
    return (
        pd.concat(local, ignore_index=True),
        pd.DataFrame([keys | row for row in whole], columns=columns),
    )


def _readings_of_cloud(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> Iterator[Reading]:
    of_reading, of_graph = length_of_lists(settings, len(X), readings.groups)
    graph = neighbour_graph(X, of_graph, search=settings.search)
    for name in settings.exclude:
        labels = readings.labels(name, rows)
        counted = graph
        if name != NONE:
            room = int(others(labels).min())
            _refuse_too_few(cloud, name, room, len(X), settings)
            counted = excluding(graph, labels, min(of_reading, room), X)
        yield Reading(name, X, counted, readings.group_of(rows), readings.groups, settings)


def _refuse_too_few(cloud: Cloud, name: str, room: int, points: int, settings: Estimate) -> None:
    for asked, size in sizes_of(settings, points).items():
        if room < size < points:
            raise ValueError(
                f"estimate.exclude: {name} leaves a token of {folder_name(cloud)} {room} other "
                f"points, but estimate.n_neighbors asks for {asked:g}: leave this reading out, as "
                "with estimate.exclude=[none], or have a corpus of more documents"
            )


def _local_tables(
    cloud: Cloud,
    rows: Int64[np.ndarray, "points"],
    reading: Reading,
    without_groups: _WithoutGroups,
) -> Iterator[pd.DataFrame]:
    sizes = sizes_of(reading.settings, len(reading.X))
    for name in reading.settings.estimators:
        for asked, size in sizes.items():
            values, left_out = reading.local_values(name, size)
            if name == "mle":
                left_out = without_groups.mle.get(asked)
            yield _local_table(cloud, rows, reading, name, asked, values, left_out)
            if not np.isfinite(values).any():
                place = f"{folder_name(cloud)}: {name} undefined"
                print(f"{place}, {len(reading.X)} points, L = {size}, exclude: {reading.name}")


def _without_groups(reading: Reading) -> _WithoutGroups:
    """What is read of the cloud's graph without each group, which is made once for all of it."""
    settings, sizes = reading.settings, sizes_of(reading.settings, len(reading.X))
    own: dict[float, Deletions] = {}
    if "mle" in settings.estimators and reading.groups:
        own = {asked: np.full((reading.groups, len(reading.X)), np.nan) for asked in sizes}
    whole: dict[_Key, Scalar] = {}
    if not (own or settings.global_estimators or settings.gride_range):
        return _WithoutGroups(own, whole)  # TwoNN reads its own: no graph is made for nobody
    for group, kept, left in reading.deletions():
        for asked, values in own.items():
            if FEWEST <= sizes[asked] <= left.graph.n_neighbors:
                values[group, kept] = mle.local_from_graph(left.graph, sizes[asked])
        for row in rows_of_neighbours(left.X, left.graph, sizes, settings):
            whole[_key(group, row)] = row["value"]
    return _WithoutGroups(own, whole)


def _local_table(
    cloud: Cloud,
    rows: Int64[np.ndarray, "points"],
    reading: Reading,
    name: str,
    asked: float,
    values: Estimates,
    left_out: Deletions | None,
) -> pd.DataFrame:
    keys = cloud.keys() | {"exclude": reading.name, "row": rows[: len(values)]}
    table = pd.DataFrame(
        keys | {"estimator": name, "n_neighbors": asked, "value": values}, columns=LOCAL
    )
    columns = without(reading.settings.jackknife.groups)
    deletions = np.full((len(values), len(columns)), np.nan, np.float32)
    if left_out is not None:
        deletions[:, : len(left_out)] = left_out.T
    return pd.concat([table, pd.DataFrame(deletions, columns=columns)], axis=1)


def _global_rows(reading: Reading, without_groups: _WithoutGroups) -> Iterator[Row]:
    """The rows of a reading, with what they are without each group of documents."""
    X, settings = reading.X, reading.settings
    sizes = sizes_of(settings, len(X))
    for row in rows_of_neighbours(X, reading.graph, sizes, settings):
        names = enumerate(without(reading.groups))
        replicates = {
            name: without_groups.whole.get(_key(group, row), np.nan) for group, name in names
        }
        yield row | {"exclude": reading.name} | replicates
    if reading.name == NONE:
        yield from (row | {"exclude": NONE} for row in other_rows(X, reading.graph, settings))


def _key(group: int, row: Row) -> _Key:
    """Group, estimator, L and scale, as text: no NaN equals another."""
    return group, str(row["estimator"]), str(row["n_neighbors"]), str(row["scale"])


def _undefined(
    cloud: Cloud, rows: Int64[np.ndarray, "points"], settings: Estimate
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of a cloud without any dimension: a missing value for each estimate."""
    columns = without(settings.jackknife.groups)
    asked = [
        cloud.keys() | {"exclude": reading, "row": row, "estimator": name, "n_neighbors": size}
        for reading in settings.exclude
        for name in settings.estimators
        for size in map(float, settings.n_neighbors)
        for row in rows
    ]
    whole = [
        cloud.keys() | {"exclude": reading} | row_of(name, np.nan, len(rows))
        for reading in settings.exclude
        for name in settings.global_estimators
    ]
    return (
        pd.DataFrame(asked, columns=[*LOCAL, *columns]).astype(dict.fromkeys(columns, np.float32)),
        pd.DataFrame(whole, columns=[*GLOBAL, *columns]),
    )
