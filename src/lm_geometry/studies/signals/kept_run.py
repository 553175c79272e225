"""What is kept of a run: the probe's states at every measured step, and the losses, as one file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.shapes import Bool, Float32, Float64, Int64, Shaped
from lm_geometry.signals.training_step import TrainingStep
from lm_geometry.studies.signals.observed import Observation, Training
from lm_geometry.workspace.files import whole_file

# Fields of a training step that can be read again from what is kept.
KEPT = (
    "states",
    "base_states",
    "sequences",
    "classes",
    "neighbours",
    "example_losses",
    "training_loss",
    "validation_loss",
)


@dataclass
class KeptRun:
    """A run's measured steps so far, which `add` makes longer.

    States are kept as each step's mean `[width]` in float32 and what is left in float16, since a
    part that all tokens share would else cost the differences between them their digits. Signals
    are read of what is kept, in the run as later.
    """

    sequences: Int64[np.ndarray, "all_tokens"]
    distinct: Bool[np.ndarray, "all_tokens"]
    classes: Int64[np.ndarray, "all_tokens"] | None
    documents: Int64[np.ndarray, "units"]
    steps: list[int]
    means: list[Float32[np.ndarray, "width"]]
    centred: list[Shaped[np.ndarray, "all_tokens width"]]
    example_losses: list[Float32[np.ndarray, "examples"]]
    validation_losses: list[Float32[np.ndarray, "units"]]
    accuracies: list[float]

    @classmethod
    def of(cls, training: Training) -> "KeptRun":
        """An empty one, for this training."""
        probe, validation = training.probe, training.validation
        return cls(
            probe.sequences,
            probe.distinct,
            probe.classes,
            validation.documents,
            *([] for _ in range(6)),
        )

    def add(self, seen: Observation) -> None:
        """One more measured step."""
        mean = seen.states.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.steps.append(seen.step)
        self.means.append(mean)
        self.centred.append((seen.states - mean).astype(np.float16))
        self.example_losses.append(seen.example_losses)
        self.validation_losses.append(seen.validation_losses)
        self.accuracies.append(seen.validation_accuracy)

    def states(self, place: int) -> Float32[np.ndarray, "all_tokens width"]:
        """The probe's states at the `place`-th measured step."""
        return self.centred[place].astype(np.float32) + self.means[place]

    def training_step(self, place: int, whole: bool) -> TrainingStep:
        """What is kept of a measured step, for signals.

        The tokens are all of `whole` sequences, or the distinct ones without their sequences: a
        signal of neighbours would else take a token's copies for its neighbours.
        """
        tokens = np.ones_like(self.distinct) if whole else self.distinct
        return TrainingStep(
            self.steps[place],
            states=self.states(place)[tokens],
            base_states=self.states(0)[tokens],
            sequences=self.sequences[tokens] if whole else None,
            classes=None if self.classes is None else self.classes[tokens],
            example_losses=self.example_losses[place].astype(np.float64),
            training_loss=float(self.example_losses[place].mean(dtype=np.float64)),
            validation_loss=float(self.validation_losses[place].mean(dtype=np.float64)),
        )

    def validation_error(self, place: int) -> float:
        """The standard error over documents of the mean validation loss, in nats."""
        losses = self.validation_losses[place].astype(np.float64)
        _, inverse, counts = np.unique(self.documents, return_inverse=True, return_counts=True)
        groups = len(counts)
        sums = np.bincount(inverse, losses - losses.mean())
        return float(np.sqrt(groups / (groups - 1) * (sums**2).sum()) / len(losses))

    def write(self, path: Path) -> None:
        """Write it whole or not at all."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            name: np.asarray(value) for name, value in vars(self).items() if value is not None
        }
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]

    @classmethod
    def read(cls, path: Path) -> "KeptRun":
        """What `write` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            there = {name: arrays[name] for name in arrays.files}
        lists = ("means", "centred", "example_losses", "validation_losses")
        found = {name: list(value) if name in lists else value for name, value in there.items()}
        found["steps"] = there["steps"].tolist()
        found["accuracies"] = there["accuracies"].tolist()
        return cls(**{"classes": None, **found})

    @property
    def losses(self) -> Float64[np.ndarray, "steps units"]:
        """Validation losses of all measured steps."""
        return np.array(self.validation_losses, dtype=np.float64)
