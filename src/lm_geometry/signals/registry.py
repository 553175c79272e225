"""All signals that modules of this room declare, by name: nobody keeps a list of them."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType, ModuleType

from lm_geometry.signals import of_gradients, of_losses, of_states, of_weights
from lm_geometry.signals.declaration import Signal
from lm_geometry.signals.training_step import HAS

PACKAGES = (of_states, of_weights, of_gradients, of_losses)


@cache
def signals() -> Mapping[str, Signal]:
    """Every declared signal by its name, those that look back last.

    Raises ValueError where two modules declare one name, and where a signal looks back at what is
    neither a field of `TrainingStep` nor a signal without a past.
    """
    found: dict[str, Signal] = {}
    for module in _modules():
        for value in vars(module).values():
            if not isinstance(value, Signal):
                continue
            if value.name in found and found[value.name] is not value:
                raise ValueError(f"{module.__name__}: another signal is named {value.name}")
            found[value.name] = value
    ordered = sorted(found.values(), key=lambda signal: bool(signal.past))
    for signal in ordered:
        for name in signal.past:
            looked_at = found.get(name)
            if name not in HAS and (looked_at is None or looked_at.past):
                raise ValueError(f"{signal.name} looks back at {name}, which has no values to keep")
    return MappingProxyType({signal.name: signal for signal in ordered})


def signal_named(name: str) -> Signal:
    """The signal of that name; raises ValueError, with all names, for an unknown one."""
    there = signals()
    if name not in there:
        raise ValueError(f"{name!r} is no signal; there are {', '.join(sorted(there))}")
    return there[name]


def _modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)
