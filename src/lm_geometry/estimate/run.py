"""Every estimate on every point cloud, from one neighbour graph per cloud."""

from collections.abc import Mapping

import pandas as pd

from lm_geometry.dimension import with_dadapy
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.reference import disagreements
from lm_geometry.estimate.signal_rows import signal_table
from lm_geometry.estimate.surrogate_rows import (
    has_null_models,
    no_surrogates,
    surrogate_table,
    with_labels,
)
from lm_geometry.estimate.tables import estimates
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.embed.queries import read_query_index
from lm_geometry.outs.estimate.clouds import Estimated, folder_name, write_index
from lm_geometry.outs.token_sample.clouds import read_cloud, read_index, read_seeds
from lm_geometry.workspace import paths
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import write_table


def run() -> None:
    """Write data/estimates, of corpora and of prompts, as params.yaml says."""
    estimate(Estimate.read())
    estimate_prompts()


def estimate(settings: Estimate) -> None:
    """Write data/estimates: a row per token and a row per cloud, for every cloud of the run.

    And a row per draw of each null model, where there are any.

    A cell is one cloud. Finished cells outlive an interruption. Raises ImportError where an
    estimator is DADApy's and that is not installed.
    """
    if any(name.startswith("dadapy.") for name in settings.global_estimators):
        with_dadapy.require()
    embedded = read_embedded()
    _refuse_reference(settings)
    chosen = settings.jackknife
    readings = {split: Readings(split, chosen.groups, chosen.seed) for split in embedded.splits}
    _say_what_is_passed_over(settings, readings)
    groups = [of_split.groups for of_split in readings.values()]
    rules = ([*settings.estimators], settings.n_neighbors, settings.cdf)
    null_models = [*settings.surrogates.kinds]
    estimated = Estimated(embedded, read_seeds(), *rules, settings.exclude, groups, null_models)
    found = estimated.clouds()
    queries = {"queries": path_hash(paths.QUERY_NEIGHBOURS)} if read_query_index() else {}
    inputs = {
        "clouds": path_hash(paths.CLOUDS),
        "states": path_hash(paths.HIDDEN_STATES),
        "tokens": path_hash(paths.TOKENS),
        **queries,
    }
    cells = Cells("estimate", {"estimate": settings.model_dump(), **inputs})
    for cloud in progress(found, "estimate"):
        name = folder_name(cloud)
        if not cells.has(name):
            points = (cloud, *read_cloud(cloud), readings[cloud.split], settings)
            local, whole = estimates(*points)
            whole = pd.concat([whole, signal_table(*points)], ignore_index=True)
            write_table(cells.path(name, "local.parquet"), local)
            write_table(cells.path(name, "global.parquet"), whole)
            if null_models:
                drawn = has_null_models(cloud, embedded, settings)
                table = surrogate_table(*points) if drawn else no_surrogates()
                write_table(cells.path(name, "surrogates.parquet"), table)
            cells.finish(name)
    for cloud in found:
        cells.publish(folder_name(cloud), to=paths.ESTIMATES / folder_name(cloud))
    write_index(estimated)
    cells.published()


def _refuse_reference(settings: Estimate) -> None:
    """Raises ValueError where the neighbours of queries do not serve what is asked for."""
    if settings.reference != "sample":
        told = disagreements(settings, read_query_index(), read_index()["noise"])
        if wrong := next(told, ""):
            raise ValueError(wrong)


def _say_what_is_passed_over(settings: Estimate, readings: Mapping[CorpusSplit, Readings]) -> None:
    for split, own in readings.items():
        if lacking := [*{*settings.surrogates.kinds} - {*with_labels(settings, own)}]:
            print(
                f"{split.corpus}, {split.split}: no null models {', '.join(sorted(lacking))}, "
                "which need the ids of tokens; its text may not be passed on",
                flush=True,
            )
