"""The parameters of the last commit, from which experiments start, and what differs from them.

`dvc exp run -S` leaves its values in params.yaml, and what is typed next would start from them.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML

from lm_geometry.revisions.programs import git
from lm_geometry.workspace.section import ROOT, read_yaml

FILE = "params.yaml"
LISTED = 6  # differences that are told; the others are counted

Raw = dict[str, Any]  # as YAML gives it, before anything is checked


class Missing:
    """In place of the value of a parameter that one of two files does not have."""

    def __repr__(self) -> str:
        return "not there"


MISSING = Missing()
Differences = dict[str, tuple[Any, Any]]  # now and in the commit, by dotted name


def committed_params(root: Path = ROOT) -> Raw:
    """params.yaml of the last commit, which nobody writes into; the file itself outside of git."""
    try:
        text = git(root, "show", f"HEAD:./{FILE}")
    except ValueError:  # no repository, or nothing committed there
        text = (root / FILE).read_text(encoding="utf-8")
    return parsed(text)


def differences(now: Raw, then: Raw) -> Differences:
    """What of `now` is not as in `then`, with both values, in the order of `then`."""
    new, old = dict(_leaves(now)), dict(_leaves(then))
    found = {name: (new.get(name, MISSING), old.get(name, MISSING)) for name in {**old, **new}}
    # An empty section is no value beside what another has in it.
    return {
        name: pair
        for name, pair in found.items()
        if pair[0] != pair[1] and not (MISSING in pair and {} in pair)
    }


def left_over(root: Path = ROOT) -> Differences:
    """What params.yaml of the working tree has otherwise than the last commit."""
    return differences(read_yaml(root / FILE), committed_params(root))


def told(found: Mapping[str, tuple[Any, Any]]) -> str:
    """Differences in a line, `finetune.task none (committed: language_modelling)`."""
    parts = [f"{name} {shown(now)} (committed: {shown(old)})" for name, (now, old) in found.items()]
    more = f" and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
    return ", ".join(parts[:LISTED]) + more


def resets(root: Path = ROOT) -> dict[str, JsonValue]:
    """Overrides that set what the working tree has otherwise back to the last commit's values.

    Raises ValueError where DVC's `-S` cannot: for an empty list, and for names that only one of
    the two has.
    """
    found = left_over(root)
    stuck = {name: pair for name, pair in found.items() if pair[1] in ([], {}) or MISSING in pair}
    if stuck:
        raise ValueError(
            f"experiments start from the committed parameters, and `-S` cannot set these of "
            f"{FILE} back: {told(stuck)}\n`git checkout {FILE}` does, or commit them"
        )
    return {name: old for name, (_, old) in found.items()}


def shown(value: Any) -> str:
    """A value as `-S` and YAML have it."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _leaves(section: Raw, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@cache
def parsed(text: str) -> Raw:
    """The mapping in the text of a YAML file, which nobody writes into."""
    return YAML(typ="safe").load(text) or {}
