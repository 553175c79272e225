"""How long one cloud takes here, measured on a made-up one of the model's width."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lm_geometry.aggregate.differences import changes
from lm_geometry.aggregate.means import mean_rows
from lm_geometry.dimension import lpca
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.sizes import FEWEST, length_of_lists, sizes_of
from lm_geometry.estimate.surrogate_rows import surrogate_table
from lm_geometry.estimate.tables import estimates
from lm_geometry.experiments.costs.rates import CloudRates
from lm_geometry.experiments.costs.timing import SHORTEST, Clock, timed
from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.observables.cloud_signals import cloud_signals
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.workspace.tables import write_table

FIRST = 400  # points of the cloud that compiled loops are loaded with
FEWEST_NEIGHBOURS = 8  # L of it
TRIED = 1_000  # of the one that tells how many points the seconds suffice for
SECONDS = 0.7  # of clock for one graph; all else on the cloud takes a few times that
DIRECTIONS, NOISE = 15, 0.1  # of the made-up cloud: that many, and a little of every other
CONFIDENCE = 0.95  # of any intervals
SPLIT = CorpusSplit("calibration", "validation")
PLACE = Cloud("base", SPLIT, 0, 0)


def cloud_rates(
    settings: Estimate, points: int, width: int, length: int, clock: Clock
) -> CloudRates:
    """Seconds of the parts of a cloud, of `points` points where they are not too many.

    `length` is the number of tokens of a document, each a sequence of its own.
    """
    first, _ = timed(clock, lambda: load_loops(settings, width, length))
    least = min(points, TRIED)
    tried, _ = timed(clock, lambda: _graph(_cloud(least, width), settings))
    fitting = int(least * math.sqrt(SECONDS / max(tried, SHORTEST)))
    chosen = max(least, min(points, fitting))
    return replace(_measured(settings, chosen, width, length, clock), first=first)


def load_loops(settings: Estimate, width: int, length: int) -> None:
    """Compile every loop that these settings need, or load it, which later calls have in memory."""
    X, rows = _cloud(FIRST, width), np.arange(FIRST)
    readings = _readings(settings, FIRST, length)
    small = settings.model_copy(update={"n_neighbors": [FEWEST_NEIGHBOURS], "gride_range": 2})
    estimates(PLACE, X, rows, readings, small)
    if settings.surrogates.kinds:
        surrogate_table(PLACE, X, rows, readings, _one_draw(small))


def _graph(points: np.ndarray, settings: Estimate) -> NeighbourGraph:
    longest = length_of_lists(settings, len(points), settings.jackknife.groups)[1]
    return neighbour_graph(points, longest, search=settings.search)


def _cloud(points: int, width: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    inner = generator.normal(size=(points, DIRECTIONS)) @ generator.normal(size=(DIRECTIONS, width))
    return (inner + NOISE * generator.normal(size=(points, width))).astype(np.float32)


def _measured(settings: Estimate, points: int, width: int, length: int, clock: Clock) -> CloudRates:
    X, rows = _cloud(points, width), np.arange(points)
    readings = _readings(settings, points, length)
    half_seconds, _ = timed(clock, lambda: _graph(X[: max(points // 2, FEWEST)], settings))
    graph_seconds, graph = timed(clock, lambda: _graph(X, settings))
    rest = _without_lpca(settings)
    read, tables = timed(clock, lambda: estimates(PLACE, X, rows, readings, rest))
    lpca_tokens = points if settings.lpca.tokens == "all" else min(settings.lpca.tokens, points)

    def by_lpca() -> None:
        chosen, own = settings.lpca, np.arange(lpca_tokens)
        for size in sizes_of(settings, points).values():
            if size <= graph.n_neighbors:
                lpca.local(X, graph, size, rows=own, rule=chosen.rule, **chosen.constants)

    has_lpca = "lpca" in settings.estimators and rest.estimators != settings.estimators
    lpca_seconds = timed(clock, by_lpca)[0] * len(settings.exclude) if has_lpca else 0.0
    names = [*settings.signals, "massive_tokens"]
    group = readings.group_of(rows) if readings.groups else None
    signals, _ = timed(clock, lambda: cloud_signals(X, group, X, names, readings.groups))
    surrogate = _surrogate(rest, X, readings, clock)
    return CloudRates(
        points=points,
        list_length=graph.n_neighbors,
        graph=graph_seconds,
        graph_pairs=_of_pairs(half_seconds, graph_seconds),
        readings=max(0.0, read - graph_seconds),
        lpca_tokens=lpca_tokens if has_lpca else 0,
        lpca=lpca_seconds,
        signals=signals if settings.signals else 0.0,
        surrogate=max(0.0, surrogate - graph_seconds),
        table_bytes=_written(tables),
        aggregated=_aggregated(tables[0], readings, clock),
        first=0.0,
    )


def _of_pairs(half: float, whole: float) -> float:
    """The part of the seconds of a graph that grows with the square of its points, not with them.

    From those of half the points: a / 2 + b / 4 of them are left of a + b.
    """
    return min(max(2 * (whole - 2 * half), 0.0), whole)


def _without_lpca(settings: Estimate) -> Estimate:
    others = [name for name in settings.estimators if name != "lpca"]
    return settings.model_copy(update={"estimators": others or settings.estimators})


def _readings(settings: Estimate, points: int, length: int) -> Readings:
    """Readings of made-up tokens, `length` of each sequence, and every sequence a document."""
    number = np.arange(points)
    ids = np.random.default_rng(0).zipf(1.3, size=points) % points
    documents = [f"document {one}" for one in number // length]
    table = {"document": documents, "sequence": number // length, "position": number % length}
    tokens = pd.DataFrame(table | {"token_id": ids, "token": ids.astype(str)})
    return Readings(SPLIT, settings.jackknife.groups, settings.jackknife.seed, tokens)


def _surrogate(settings: Estimate, X: np.ndarray, readings: Readings, clock: Clock) -> float:
    """Seconds of a drawn cloud, as the mean over the kinds."""
    kinds = settings.surrogates.kinds
    if not kinds:
        return 0.0
    own, rows = _one_draw(settings), np.arange(len(X))
    return timed(clock, lambda: surrogate_table(PLACE, X, rows, readings, own))[0] / len(kinds)


def _one_draw(settings: Estimate) -> Estimate:
    one = settings.surrogates.model_copy(update={"draws": 1})
    return settings.model_copy(update={"surrogates": one})


def _aggregated(table: pd.DataFrame, readings: Readings, clock: Clock) -> float:
    """Seconds of the means of a cloud, and of its changes since base."""
    both = pd.concat([table, table.assign(checkpoint="1")], ignore_index=True)
    both = both.assign(document=readings.document_of(both["row"].to_numpy()))
    means, _ = timed(clock, lambda: mean_rows(both, CONFIDENCE))
    return means / 2 + timed(clock, lambda: changes(both))[0]


def _written(tables: tuple[pd.DataFrame, pd.DataFrame]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "local.parquet"
        write_table(file, tables[0])
        return file.stat().st_size
