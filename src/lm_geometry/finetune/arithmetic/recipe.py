"""How a model of modular arithmetic is trained: the numbers of `finetune` that it takes."""

from dataclasses import dataclass

from lm_geometry.finetune.kept_steps import kept_steps, whole_steps
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.arithmetic.params import Arithmetic

SCHEDULES = {"constant": 0, "constant_with_warmup": 0, "linear": 1}  # share lost at the end


@dataclass(frozen=True)
class Recipe:
    """One training run, with every number that changes a bit of it."""

    model: Arithmetic
    steps: int
    checkpoints: tuple[int, ...]
    batch_size: int
    learning_rate: float
    schedule: str
    warmup_steps: int
    weight_decay: float
    betas: tuple[float, float]
    max_gradient_norm: float
    precision: str
    seed: int

    def rate(self, step: int) -> float:
        """Learning rate of a step, counted from 0.

        It rises for `warmup_steps` from a share of the peak, and then stays, or falls to 0 at the
        end: torch's LinearLR twice in a SequentialLR, as published.
        """
        if step < self.warmup_steps:
            start = self.model.warmup_start
            return self.learning_rate * (start + (1 - start) * step / self.warmup_steps)
        rest = self.steps - self.warmup_steps
        return self.learning_rate * (
            1 - SCHEDULES[self.schedule] * (step - self.warmup_steps) / max(rest, 1)
        )

    def measured(self) -> list[int]:
        """Steps at which loss and accuracy are measured: regular ones, checkpoints, first, last."""
        regular = range(0, self.steps + 1, self.model.evaluate_every)
        return sorted({*regular, *self.checkpoints, self.steps})


def recipe(settings: Finetune, own: Arithmetic, equations: int) -> Recipe:
    """The recipe of the settings, for so many training equations.

    Raises ValueError for what this training does not know: adapters, float16, accumulated
    gradients, frozen modules, other schedules; and for a batch larger than an epoch.
    """
    _refuse(settings, own, equations)
    size = equations if own.batches == "full" else settings.batch_size
    steps = settings.steps or whole_steps(settings.epochs or 0, equations, size)
    warmup = settings.warmup_steps
    kept = kept_steps(settings.checkpoints, steps, equations, size)
    if kept and not 0 < kept[0] <= kept[-1] <= steps:
        raise ValueError(f"finetune.checkpoints: {kept} must lie within 1 … {steps} steps")
    return Recipe(
        model=own,
        steps=steps,
        checkpoints=tuple(kept),
        batch_size=size,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        warmup_steps=warmup if isinstance(warmup, int) else round(warmup * steps),
        weight_decay=settings.weight_decay,
        betas=(settings.betas[0], settings.betas[1]),
        max_gradient_norm=settings.max_gradient_norm,
        precision=settings.precision,
        seed=settings.seed,
    )


def _refuse(settings: Finetune, own: Arithmetic, equations: int) -> None:
    wrong = {
        "method": (settings.method, settings.method == "full", "full"),
        "precision": (settings.precision, settings.precision != "float16", "float32 or bfloat16"),
        "schedule": (settings.schedule, settings.schedule in SCHEDULES, ", ".join(SCHEDULES)),
        "accumulate": (settings.accumulate, settings.accumulate == 1, "1"),
        "freeze": (settings.freeze, not settings.freeze, "[]"),
        "batch_size": (
            settings.batch_size,
            own.batches != "epochs" or settings.batch_size <= equations,
            f"at most {equations}, the training equations",
        ),
    }
    for name, (value, right, instead) in wrong.items():
        if not right:
            raise ValueError(
                f"finetune.{name}: {value} does not suit task modular_arithmetic; give {instead}"
            )
