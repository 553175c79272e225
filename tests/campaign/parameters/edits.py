"""Random edits of params.yaml: of one value, of a name, of the text."""

import copy
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from lm_geometry.params.sections import Params

Random = np.random.Generator
Raw = dict[str, Any]
Path = tuple[str, ...]
STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 10**9, 2**32, 2**63, 10**30, -(2**63)),
    *(0.0, 0.5, -0.5, 1e-300, 1e300, math.nan, math.inf, -math.inf, 1e-9),
    *("", " ", "all", "none", "last", "nosuch", "0", "1.5", "50%", "-1", "é", "x" * 3000),
    *("../../etc/passwd", "file:nowhere", "hub:", "<script>", "${HOME}", "$(id)", "a,b"),
    *([], [0], [-1], [0, 0], ["x"], [None], [[1]], [1] * 999, [10**9], [{}], ["50%", "50%"]),
    *({}, {"x": 1}, {"a": {"b": []}}, {1: 2}),
)


@dataclass(frozen=True)
class Edit:
    """What was set where; of a name, or of the text, no value."""

    path: Path
    what: str
    value: Any = None


def leaves(raw: Raw, above: Path = ()) -> list[Path]:
    """The path of every value and section, `data_prep.prompts` as well."""
    found: list[Path] = []
    for name, value in raw.items():
        found.append((*above, name))
        if isinstance(value, dict):
            found += leaves(value, (*above, name))
    return found


def at(raw: Raw, path: Path) -> Any:
    """The value at a path."""
    for name in path:
        raw = raw[name]
    return raw


def put(raw: Raw, path: Path, value: Any) -> None:
    """Set the value at a path."""
    at(raw, path[:-1])[path[-1]] = value


def hostile(raw: Raw, random: Random) -> tuple[Raw, Edit]:
    """The parameters with one edit that nobody checked beforehand."""
    edited, paths = copy.deepcopy(raw), leaves(raw)
    path = paths[random.integers(len(paths))]
    way = random.random()
    if way < 0.25:
        return edited, _misnamed(edited, path, random)
    if way < 0.35:
        other = at(raw, paths[random.integers(len(paths))])
        value = copy.deepcopy(other)  # of another parameter
    elif way < 0.5:
        value = _changed(at(raw, path), random)
    else:
        value = copy.deepcopy(STRANGE[random.integers(len(STRANGE))])
    put(edited, path, value)
    return edited, Edit(path, "value", value)


def _misnamed(raw: Raw, path: Path, random: Random) -> Edit:
    """A key with a letter too many or too few, another case, or of another section."""
    name = path[-1]
    place = int(random.integers(len(name)))
    names = (
        *(name[:place] + name[place + 1 :], name[:place] + "_" + name[place:], name.upper()),
        *(f"{name} ", f"{name}s", f"{path[0]}.{name}", "seeds"),
    )
    other = names[random.integers(len(names))]
    inner = at(raw, path[:-1])
    if other in inner or not other:
        other = f"{name}_x"
    inner[other] = inner.pop(name) if random.random() < 0.5 else copy.deepcopy(inner[name])
    return Edit((*path[:-1], other), "name")


def _changed(value: Any, random: Random) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        factor = float(random.choice([-1, 0, 0.5, 2, 1e3, 1e9]))
        return type(value)(value * factor)
    if isinstance(value, list):
        return [*value, *value[:1]] if random.random() < 0.5 else value[::-1]
    return [value]


def plausible(raw: Raw, random: Random) -> tuple[Raw, Edit]:
    """The parameters with another value of one, of its own kind and of no great cost."""
    edited = copy.deepcopy(raw)
    paths = [path for path in leaves(raw) if not isinstance(at(raw, path), dict)]
    path = paths[random.integers(len(paths))]
    value = _another(at(raw, path), _words(path), random)
    put(edited, path, value)
    return edited, Edit(path, "value", value)


def _another(value: Any, words: list[Any], random: Random) -> Any:
    if words and random.random() < 0.7:
        return words[random.integers(len(words))]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return int(random.choice([0, 1, 2, 3, 5, 8, 16, value + 1, max(0, value - 1)]))
    if isinstance(value, float):
        return float(random.choice([0.0, 0.1, 0.5, 0.9, 1.0, value / 2, value * 2]))
    if isinstance(value, list) and value:
        one = _another(value[random.integers(len(value))], words, random)
        return [[one], value[:1], value[::-1], [*value, one], []][random.integers(5)]
    return value if value is not None else int(random.integers(0, 4))


def _words(path: Path) -> list[Any]:
    """The words that may stand at a path, as its class has them."""
    current: Any = Params
    for name in path:
        field = current.model_fields.get(name) if _is_model(current) else None
        if field is None:
            return []
        current = _model_in(field.annotation) or field.annotation
    return [] if _is_model(current) else _literals(current)


def _literals(annotation: Any) -> list[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        return list(typing.get_args(annotation))
    return [word for inner in typing.get_args(annotation) for word in _literals(inner)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _model_in(annotation: Any) -> Any:
    if _is_model(annotation):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(filter(_is_model, typing.get_args(annotation)), None)
    return None
