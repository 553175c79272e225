"""`LocalDimensionCallback` in a Trainer of Lightning, which has callbacks of its own kind."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from lm_geometry.measure.inner import unwrapped
from lm_geometry.measure.log import Values
from lm_geometry.workspace.extras import naming_the_extra

SPREAD = ("FSDP", "DeepSpeed", "ModelParallel")  # strategies, by the start of their names


class Watching(Protocol):
    """What is asked of a `LocalDimensionCallback`."""

    def write_below(self, folder: str | Path) -> None:
        """Write values to a file in this folder, where none was given."""
        ...

    def step(self, model: nn.Module, step: int) -> Values | None:
        """Measure the model at this step, if it is time."""
        ...

    def told(self) -> str:
        """What the measurements took, in words."""
        ...


class Logger(Protocol):
    """Where Lightning's Trainer logs to."""

    def log_metrics(self, metrics: Values, step: int) -> None:
        """Log the values at a step."""
        ...


class Trainer(Protocol):
    """What is read of Lightning's Trainer."""

    global_step: int
    default_root_dir: str
    is_global_zero: bool
    strategy: object
    loggers: Sequence[Logger]


class _Hooks:
    """When Lightning calls; only the first process measures, and no other waits for it."""

    def __init__(self, watch: Watching, model: str) -> None:
        super().__init__()
        self.watch, self._model = watch, model

    def on_train_start(self, trainer: Trainer, pl_module: nn.Module) -> None:
        """Measure the model before its first step."""
        strategy = type(trainer.strategy).__name__
        if strategy.startswith(SPREAD):
            raise ValueError(
                f"{strategy} spreads a model over processes, all of which a forward pass needs: "
                "LocalDimensionCallback does not measure there"
            )
        self.watch.write_below(trainer.default_root_dir)
        self._heard(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: nn.Module, *_: object) -> None:
        """Measure, if it is time: a batch may be but a part of a step."""
        self._heard(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: nn.Module) -> None:
        """Say what it took."""
        if trainer.is_global_zero:
            print(self.watch.told(), flush=True)

    def _heard(self, trainer: Trainer, module: nn.Module) -> None:
        if not trainer.is_global_zero:
            return
        step = trainer.global_step
        values = self.watch.step(model_of(module, self._model), step)
        for logger in trainer.loggers if values else ():
            logger.log_metrics(values or {}, step=step)


def callback_of(watch: Watching, model: str) -> Any:
    """A callback of Lightning; raises ImportError, with the extra's name, without Lightning."""
    with naming_the_extra("LocalDimensionCallback.lightning()", "lightning"):
        base = import_module("lightning.pytorch").Callback
    return type("LocalDimensionCallback", (_Hooks, base), {})(watch, model)


def model_of(module: nn.Module, name: str) -> nn.Module:
    """The model of transformers in a module of Lightning: its attribute `name`, else the only one.

    Raises ValueError where there is none of that name, and where none or several could be meant.
    """
    if name:
        found = dict(module.named_modules()).get(name)
        if found is None:
            raise ValueError(f"model: {type(module).__name__} has no module {name}")
        return found
    models = {name: child for name, child in module.named_children() if _is_model(child)}
    if len(models) != 1:
        there = f"has {', '.join(models)}" if models else "has no model of transformers"
        raise ValueError(
            f"model: {type(module).__name__} {there}; name the attribute that is measured, as in "
            'lightning("model")'
        )
    return next(iter(models.values()))


def _is_model(module: nn.Module) -> bool:
    try:
        unwrapped(module)
    except ValueError:
        return False
    return True
