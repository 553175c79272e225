"""Which clouds and which local estimates a map shows: what was asked for, or the usual ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pandas as pd

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.outs.data_prep.model import read_model_source
from lm_geometry.outs.estimate.clouds import estimated_clouds, read_local
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.workspace.layers import shown

Key = str | int | float
Asked = Mapping[str, Any]  # by the names of the command's options
Usual = TypeVar("Usual")

ONE_CLOUD = ("corpus", "split", "sampling_seed")  # the first of each, if none is asked for


@dataclass(frozen=True)
class Choice:
    """The clouds of one figure, a panel for each, and the local estimates that go with them."""

    clouds: list[Cloud]
    estimator: str
    n_neighbors: float
    exclude: str

    def local(self, cloud: Cloud) -> pd.Series:
        """Local estimates of a cloud by row of the token table."""
        table = read_local(cloud)
        own = (table["estimator"] == self.estimator) & (table["n_neighbors"] == self.n_neighbors)
        own &= table["exclude"] == self.exclude
        return pd.Series(table.loc[own, "value"].to_numpy(), index=table.loc[own, "row"].to_numpy())


def choose(asked: Asked, settings: Aggregate) -> Choice:
    """The clouds and estimates that `asked` names; None and missing names take the usual ones.

    Usual are the first corpus split, sampling seed and estimator of the last estimate run, the
    layer, L and reading of `settings`, and base beside its checkpoint. Raises ValueError naming
    what there is for anything that was not estimated.
    """
    found = estimated_clouds()
    for name in ONE_CLOUD:
        found = _only(name, asked.get(name), found)
    there = list(dict.fromkeys(cloud.layer for cloud in found))
    found = _only("layer", _layer(_given(asked, "layer", settings.layer), there), found)
    steps = list(dict.fromkeys(cloud.checkpoint for cloud in found))
    shown = steps[-1] if settings.checkpoint == "last" else str(settings.checkpoint)
    wanted = dict.fromkeys(_given(asked, "checkpoint", [BASE, shown]))
    clouds = [_only("checkpoint", step, found)[0] for step in wanted]
    return Choice(clouds, *_estimates(asked, settings, read_local(clouds[0])))


def _estimates(asked: Asked, settings: Aggregate, table: pd.DataFrame) -> tuple[str, float, str]:
    estimators = table["estimator"].unique().tolist()
    estimator = _given(asked, "estimator", estimators[0])
    _require("estimator", estimator, estimators)
    sizes = table["n_neighbors"].unique().tolist()
    size = _given(asked, "n_neighbors", settings.n_neighbors)
    size = sizes[-1] if size == "last" else float(size)
    _require("n_neighbors", size, sizes)
    readings = table["exclude"].unique().tolist()
    reading = readings[0] if settings.exclude == "first" else settings.exclude
    _require("exclude", reading, readings)
    return estimator, size, reading


def _layer(wanted: int | str, there: list[int]) -> int:
    """A layer's own number: `last` is the deepest, and negative ones count from the end."""
    return shown(wanted, there, read_model_source().layers)


def _only(name: str, wanted: Key | None, clouds: list[Cloud]) -> list[Cloud]:
    """The clouds with this value of a key; the first value there is where none is wanted."""
    there = _values(name, clouds)
    value = there[0] if wanted is None else wanted
    _require(name, value, there)
    return [cloud for cloud in clouds if cloud.keys()[name] == value]


def _values(name: str, clouds: list[Cloud]) -> list[Key]:
    return list(dict.fromkeys(cloud.keys()[name] for cloud in clouds))


def _given(asked: Asked, name: str, usual: Usual) -> Usual:
    return usual if asked.get(name) is None else cast("Usual", asked[name])


def _require(name: str, value: Key, there: Sequence[Key]) -> None:
    if value not in there:
        listed = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in there)
        told = f"{value:g}" if isinstance(value, float) else value
        raise ValueError(f"{name}: {told} was not estimated; there are {listed}")
