"""One training run in memory, and as a file from which it goes on to the bit."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import torch

from lm_geometry.finetune.arithmetic.batches import Batches, make_batches
from lm_geometry.finetune.arithmetic.recipe import Recipe
from lm_geometry.models.arithmetic.equations import DividedEquations
from lm_geometry.models.arithmetic.model import ArithmeticTransformer, make_model
from lm_geometry.workspace.files import whole_file


class Measurement(TypedDict):
    """One split, whole, at one step: loss in nat, accuracy, and the norm of all weights."""

    step: int
    split: str
    loss: float
    accuracy: float
    weight_norm: float


@dataclass
class Run:
    """A model in training, with all that its next step depends on."""

    recipe: Recipe
    equations: DividedEquations
    model: ArithmeticTransformer
    optimiser: torch.optim.Optimizer
    batches: Batches
    step: int = 0
    curve: list[Measurement] = field(default_factory=list)

    @classmethod
    def start(cls, recipe: Recipe, equations: DividedEquations, device: str) -> "Run":
        """A run at step 0; `recipe.seed` draws the weights, orders epochs and seeds dropout."""
        model = make_model(recipe.model, len(equations.elements), recipe.seed).to(device)
        optimiser = torch.optim.AdamW(
            model.parameters(),
            lr=recipe.learning_rate,
            betas=recipe.betas,
            eps=recipe.model.epsilon,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        batches = make_batches(recipe.model.batches, equations, recipe.batch_size, recipe.seed)
        return cls(recipe, equations, model, optimiser, batches)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.positions.weight.device

    def save(self, path: Path) -> None:
        """Write the run, whole or not at all."""
        state = {
            "step": self.step,
            "curve": self.curve,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "batches": self.batches.state(),
            "random": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        with whole_file(path) as temporary:
            torch.save(state, temporary)

    def restore(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.step, self.curve = state["step"], state["curve"]
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.batches.restore(state["batches"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"], self.device)
