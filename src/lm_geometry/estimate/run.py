"""Every estimate on every point cloud, from one neighbour graph per cloud."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import pandas as pd

from lm_geometry.dimension import with_dadapy
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.prompts import PromptEstimates
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.reference import disagreements
from lm_geometry.estimate.signal_rows import signal_table
from lm_geometry.estimate.sizes import length_of_lists, memory_of
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
from lm_geometry.outs.token_sample.clouds import Cloud, read_cloud, read_index, read_seeds
from lm_geometry.outs.token_sample.point_states import read_point_states
from lm_geometry.workspace import paths
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.inputs import input_hash
from lm_geometry.workspace.tables import write_table
from lm_geometry.workspace.tree import WORKSPACE
from lm_geometry.workspace.work import Cell, Execute, finish, in_order


def run(execute: Execute = in_order) -> None:
    """Write data/estimates, of corpora and of prompts, as params.yaml says.

    `execute` has the cells computed; a part of them (`LM_GEOMETRY_SHARD`) is left in scratch.
    """
    finish("estimate", [estimates_of_clouds(Estimate.read()), PromptEstimates()], execute)


def estimate(settings: Estimate, execute: Execute = in_order) -> None:
    """Write data/estimates: a row per token and a row per cloud, for every cloud of the run.

    And a row per draw of each null model, where there are any.

    A cell is one cloud. Finished cells outlive an interruption. Raises ImportError where an
    estimator is DADApy's and that is not installed.
    """
    finish("estimate", [estimates_of_clouds(settings)], execute)


def estimates_of_clouds(settings: Estimate) -> "CloudEstimates":
    """The estimates of every cloud, of which nothing is computed yet; as `estimate`."""
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
    rules = (*rules, settings.exclude, groups, null_models, _among(settings, embedded.splits))
    estimated = Estimated(embedded, read_seeds(), *rules)
    return CloudEstimates(settings, estimated, readings)


@dataclass(frozen=True)
class CloudEstimates:
    """The tables of every cloud, of which a cell is one cloud's."""

    settings: Estimate
    estimated: Estimated
    readings: Mapping[CorpusSplit, Readings]
    tells = False
    gpus: Literal["none"] = "none"

    @cached_property
    def clouds(self) -> dict[str, Cloud]:
        """What each cell is of, by its name."""
        return {folder_name(cloud): cloud for cloud in self.estimated.clouds()}

    @cached_property
    def within(self) -> Cells:
        """The scratch folder of these clouds, states and settings."""
        inputs = {
            "clouds": input_hash(paths.CLOUDS),
            "states": input_hash(paths.HIDDEN_STATES),
            "tokens": input_hash(paths.TOKENS),
        }
        if read_query_index():
            inputs["queries"] = input_hash(paths.QUERY_NEIGHBOURS)
        return Cells("estimate", {"estimate": self.settings.model_dump(), **inputs})

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cloud, in the order of the run."""
        return [Cell(name, "estimate", 1, self.within, (name,)) for name in self.clouds]

    @property
    def memory_on_a_core(self) -> int:
        """Bytes of the largest cloud: products of matrices are a small part of what is done."""
        of_each = {(cloud.split, cloud.layer): cloud for cloud in self.clouds.values()}.values()
        return max(map(self._memory_of, of_each), default=0)

    def _memory_of(self, cloud: Cloud) -> int:
        points = len(WORKSPACE.read_array(cloud.file))
        states = read_point_states(cloud.checkpoint, cloud.split, cloud.layer)  # nothing is read
        width = states.shape[1]
        neighbours = length_of_lists(self.settings, points, self.settings.jackknife.groups)[1]
        return memory_of(points, width, neighbours)

    def opened(self, group: str) -> Callable[[Cell], None]:
        """Estimates one cloud; there is nothing that clouds share."""
        return self._keep

    def _keep(self, cell: Cell) -> None:
        cloud, name, settings = self.clouds[cell.name], cell.name, self.settings
        points = (cloud, *read_cloud(cloud), self.readings[cloud.split], settings)
        local, whole = estimates(*points)
        whole = pd.concat([whole, signal_table(*points)], ignore_index=True)
        write_table(cell.within.path(name, "local.parquet"), local)
        write_table(cell.within.path(name, "global.parquet"), whole)
        if settings.surrogates.kinds:
            drawn = has_null_models(cloud, self.estimated.embedded, settings)
            table = surrogate_table(*points) if drawn else no_surrogates()
            write_table(cell.within.path(name, "surrogates.parquet"), table)
        cell.within.finish(name)

    def ended(self, group: str) -> None:
        """Nothing was loaded."""

    def gather(self) -> None:
        """Write data/estimates of clouds."""
        for name in self.clouds:
            self.within.publish(name, to=paths.ESTIMATES / name)
        write_index(self.estimated)
        self.within.published()


def _among(settings: Estimate, splits: Sequence[CorpusSplit]) -> list[int]:
    """How many tokens of each split are the reference of its queries; none of a cloud's own."""
    index = read_query_index()
    if settings.reference == "sample" or index is None:
        return []
    tokens = [index.tokens[f"{split.corpus}-{split.split}"] for split in splits]
    return [round(settings.reference * number) for number in tokens]


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
