"""Which checkpoint, layer and neighbourhood size the figures and headline metrics show."""

from dataclasses import dataclass

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.outs.estimate.clouds import Estimated
from lm_geometry.workspace.layers import shown


@dataclass(frozen=True)
class Shown:
    """The choice of `aggregate`, resolved against what was embedded and estimated."""

    checkpoint: str
    layer: int
    n_neighbors: float
    estimator: str
    split: str


def resolve(settings: Aggregate, estimated: Estimated) -> Shown:
    """The shown cell; raises ValueError, naming what there is, where it was not embedded.

    `last` is the last checkpoint, the deepest layer, or the last of `estimate.n_neighbors`; a share
    of the depth is the embedded layer nearest to it.
    """
    embedded = estimated.embedded
    checkpoint = str(settings.checkpoint)
    if checkpoint == "last":
        checkpoint = embedded.checkpoints[-1]
    _require("checkpoint", checkpoint, embedded.checkpoints)
    layer = shown(settings.layer, embedded.layers, embedded.depth)
    _require("layer", layer, embedded.layers)
    size = settings.n_neighbors
    if size == "last":
        size = estimated.n_neighbors[-1]
    _require("n_neighbors", size, estimated.n_neighbors)
    split = embedded.splits[0].split
    return Shown(checkpoint, layer, float(size), estimated.estimators[0], split)


def _require(name: str, value: object, there: list) -> None:
    if value not in there:
        raise ValueError(f"aggregate.{name}: {value} was not computed; there are {there}")
