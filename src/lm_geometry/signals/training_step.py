"""What a training loop has at a step, of which signals take what they need."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property

import numpy.typing as npt

from lm_geometry.neighbours import NeighbourGraph, neighbour_graph
from lm_geometry.point_cloud.cloud import PointCloud, as_cloud

Arrays = Mapping[str, PointCloud]  # numpy or torch, of any shape, by the parameter's name
NEAREST = 256  # neighbours in the graph that all signals of neighbours share


@dataclass(frozen=True)
class TrainingStep:
    """One step; what a loop does not have stays None, and signals that need it are not read.

    - `states` `[tokens, width]` of the probe set at one layer, the same tokens in the same order at
      every step, each sequence's from its beginning; `sequences` `[tokens]`, which each belongs to;
      `base_states`, those before training; `activations` `[tokens, units]` of an MLP's output.
    - `classes` `[tokens]`: labels of held-out probe tokens.
    - `weights`, `base_weights`, and `gradients` of the batch, `previous_gradients` those of the
      step before, by name; adapters merged, where they count so.
    - `example_gradients` `[examples, parameters]`: the gradient of each training example's loss,
      of all parameters or of a fixed draw of them; `example_losses` `[examples]` of a fixed set
      of training examples, in nats.
    - `training_loss`, `validation_loss`: means in nats.
    """

    step: int
    states: PointCloud | None = None
    base_states: PointCloud | None = None
    sequences: npt.ArrayLike | None = None
    classes: npt.ArrayLike | None = None
    activations: PointCloud | None = None
    weights: Arrays | None = None
    base_weights: Arrays | None = None
    gradients: Arrays | None = None
    previous_gradients: Arrays | None = None
    example_gradients: PointCloud | None = None
    example_losses: npt.ArrayLike | None = None
    training_loss: float | None = None
    validation_loss: float | None = None

    @cached_property
    def neighbours(self) -> NeighbourGraph | None:
        """The graph of `states` that all signals of neighbours share; None without states."""
        if self.states is None:
            return None
        return neighbour_graph(self.states, min(NEAREST, len(as_cloud(self.states, 3)) - 1))


HAS = (*(field.name for field in fields(TrainingStep)), "neighbours")
