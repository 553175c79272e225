"""Which checkpoint, layer, neighbourhood size and reading figures and headline metrics show."""

from dataclasses import dataclass

from lm_geometry.aggregate.params import Aggregate
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import Estimated
from lm_geometry.workspace.layers import shown


@dataclass(frozen=True)
class Shown:
    """The choice of `aggregate`, resolved against what was embedded and estimated.

    `exclude` is the reading that is shown; `published` says whether the published one, of which no
    neighbour is left out, stands beside it.
    """

    checkpoint: str
    layer: int
    n_neighbors: float
    estimator: str
    split: str
    exclude: str = NONE
    published: bool = False

    @property
    def readings(self) -> list[str]:
        """The readings of a figure, the shown one first."""
        return [self.exclude, NONE] if self.published else [self.exclude]


def resolve(settings: Aggregate, estimated: Estimated) -> Shown:
    """The shown cell; raises ValueError, naming what there is, where it was not embedded.

    `last` is the last checkpoint, the deepest layer, or the last of `estimate.n_neighbors`; a share
    of the depth is the embedded layer nearest to it; `first` is the first of `estimate.exclude`.
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
    reading = estimated.exclude[0] if settings.exclude == "first" else settings.exclude
    _require("exclude", reading, estimated.exclude)
    published = reading != NONE and NONE in estimated.exclude
    estimator = estimated.estimators[0]
    return Shown(checkpoint, layer, float(size), estimator, split, reading, published)


def _require(name: str, value: object, there: list) -> None:
    if value not in there:
        raise ValueError(f"aggregate.{name}: {value} was not computed; there are {there}")
