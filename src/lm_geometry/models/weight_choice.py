"""Which files of a folder or repository transformers loads the weights of, and where that is
not clear: what is hashed must be what is loaded."""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lm_geometry.models.local_files import SourceError


@dataclass(frozen=True)
class Kind:
    """One file, or parts and the index that lists them; a part's name has how many there are."""

    single: str
    index: str
    part: re.Pattern[str]


# In the order in which transformers looks.
KINDS = (
    Kind(
        "model.safetensors",
        "model.safetensors.index.json",
        re.compile(r"model-\d+-of-(\d+)\.safetensors"),
    ),
    Kind(
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        re.compile(r"pytorch_model[-_]\d+-of-(\d+)\.bin"),
    ),
)
FILES = tuple(name for kind in KINDS for name in (kind.single, kind.index))


def chosen(names: Iterable[str], brought: Callable[[str], Path]) -> list[str]:
    """The files of weights that are loaded, in their order; empty where there are none.

    `brought` gives the path of an index, which is read only where names do not tell the parts.
    Raises SourceError for an index that is none.
    """
    there = {*names}
    for kind in KINDS:
        if kind.single in there:
            return [kind.single]
        if kind.index in there:
            matches = [m for m in map(kind.part.fullmatch, sorted(there)) if m]
            if matches and {int(match[1]) for match in matches} == {len(matches)}:
                return [match[0] for match in matches]
            return listed(brought(kind.index))
    return []


def listed(index: Path) -> list[str]:
    """The parts that an index lists; raises SourceError where it lists none."""
    try:
        return sorted({*map(str, json.loads(index.read_bytes())["weight_map"].values())})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SourceError(f"{index} is no index of weights") from None


def unclear(folder: Path) -> str:
    """What else in a local folder may be meant as its weights, as the end of `it has …`.

    Empty where that is clear. An index is written after its parts: a save that was cut leaves new
    parts beside an index of old ones, or none, and the old weights would be loaded in silence.
    """
    names = sorted(file.name for file in folder.iterdir())
    for kind in KINDS:
        parts = [name for name in names if kind.part.fullmatch(name)]
        whole = kind.single in names
        beside = [*parts, *(name for name in names if name == kind.index)]
        if whole and beside:
            return f"{kind.single}, and {_some(beside)} of weights in parts"
        if parts and kind.index not in names:
            return f"parts of weights ({_some(parts)}), and no {kind.index} that lists them"
        if kind.index in names and (other := {*parts} - {*_listed_or_none(folder / kind.index)}):
            return f"parts of weights that its {kind.index} does not list ({_some(sorted(other))})"
        if whole or kind.index in names:
            return ""  # transformers looks no further, whatever there is of the other kind
    return ""


def unread(names: Iterable[str]) -> str:
    """The pickled weights beside safetensors, which are not read; empty where there are none."""
    there = {*names}
    safe, pickled = KINDS
    if not there & {safe.single, safe.index}:
        return ""
    parts = filter(pickled.part.fullmatch, sorted(there))
    named = (name for name in (pickled.single, pickled.index) if name in there)
    return next(named, next(parts, ""))


def _listed_or_none(index: Path) -> list[str]:
    """Of an index that is none, whoever loads it tells."""
    try:
        return listed(index)
    except SourceError:
        return [file.name for file in index.parent.iterdir()]


def _some(names: list[str]) -> str:
    return names[0] if not names[1:] else f"{names[0]} … {names[-1]}"
