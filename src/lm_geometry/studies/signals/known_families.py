"""All families that modules of `families` declare, by name: nobody keeps a list of them."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from lm_geometry.studies.signals import families
from lm_geometry.studies.signals.family import Family


@cache
def families_by_name() -> Mapping[str, Family]:
    """Every family that a module of `families` declares."""
    found = {}
    for module in pkgutil.iter_modules(families.__path__, f"{families.__name__}."):
        declared = importlib.import_module(module.name).FAMILY
        found[declared.name] = declared
    return MappingProxyType(found)


def family_named(name: str) -> Family:
    """The family of that name; raises ValueError, with all names, for an unknown one."""
    there = families_by_name()
    if name not in there:
        raise ValueError(f"{name!r} is no family of runs; there are {', '.join(sorted(there))}")
    return there[name]
