"""This environment as it would be with one extra of pyproject.toml and no more."""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.metadata import packages_distributions as by_module
from typing import Any

from packaging.requirements import Requirement

from tests.structure import ROOT


def hide_others(extra: str) -> None:
    """From now on only packages that the core and the extra bring can be found or imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"][extra]]
    allowed: dict[str, set[str]] = {project["name"]: set()}
    _follow(map(Requirement, needed), allowed)
    hidden = {
        module
        for module, names in by_module().items()
        if allowed.keys().isdisjoint(map(_normal, names)) and module != "tests"
    }
    found = sys.meta_path.index(PathFinder)
    sys.meta_path[found] = _Finder({*allowed}, hidden)  # type: ignore[reportArgumentType]


class _Finder:
    """As `PathFinder`, which sees some packages alone."""

    def __init__(self, allowed: set[str], hidden: set[str]) -> None:
        self.allowed, self.hidden = allowed, hidden

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        hidden = name.partition(".")[0] in self.hidden
        return None if hidden else PathFinder.find_spec(name, path, target)

    def find_distributions(self, *context: Any) -> Iterator[Distribution]:
        for found in PathFinder.find_distributions(*context):
            if _normal(found.metadata["Name"]) in self.allowed:
                yield found


def _follow(needed: Iterable[Requirement], extras: dict[str, set[str]]) -> None:
    """Add what is installed of `needed`, and what that needs, to the extras taken by name."""
    for one in needed:
        name = _normal(one.name)
        if name in extras and one.extras <= extras[name]:
            continue
        extras[name] = extras.get(name, set()) | one.extras
        try:
            lines = distribution(name).requires or []
        except PackageNotFoundError:  # of another system
            continue
        further = [Requirement(line) for line in lines]
        asked = ["", *extras[name]]
        _follow([r for r in further if not r.marker or _holds(r, asked)], extras)


def _holds(one: Requirement, extras: list[str]) -> bool:
    assert one.marker
    return any(one.marker.evaluate({"extra": extra}) for extra in extras)


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
