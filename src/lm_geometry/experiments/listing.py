"""Every experiment in a line, without DVC: what differs from where it started, and its headline.

`dvc exp show` opens each experiment as a repository of its own, which takes minutes for hundreds.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAMLError

from lm_geometry.experiments.committed import FILE
from lm_geometry.revisions.programs import git
from lm_geometry.workspace.paths import SUMMARY
from lm_geometry.workspace.section import ROOT, refuse_deep

METRICS = SUMMARY.relative_to(ROOT).as_posix()
UNKNOWN = "–"
NOTHING = "null"
NULLS = ("", "~", "null", "Null", "NULL")  # as YAML spells it, and as DVC writes it: not at all
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # which leaves every scalar a text

Flat = dict[str, str]


@dataclass(frozen=True)
class Listed:
    """One experiment: the commit that it started from, what differs from that, and its headline."""

    name: str
    started_from: str
    differs: str
    headline: str


def listed(root: Path = ROOT, beginning: str = "") -> list[Listed]:
    """The experiments whose names begin so, newest first."""
    found = list(_references(root, beginning))
    asked = [f"{rev}:{FILE}" for _, commit, start in found for rev in (commit, start)]
    asked += [f"{commit}:{METRICS}" for _, commit, _ in found]
    contents = objects(root, asked)
    return [
        Listed(
            name,
            start,
            differing(contents[f"{commit}:{FILE}"], contents[f"{start}:{FILE}"]),
            headline(contents[f"{commit}:{METRICS}"]),
        )
        for name, commit, start in found
    ]


def lines(found: Sequence[Listed], width: int | None) -> list[str]:
    """A line for each, of at most `width` characters: long names and differences are cut."""
    rows = [(one.name, one.differs or "nothing", one.headline) for one in found]
    longest = [max(len(row[at]) for row in rows) for at in range(3)]
    if width is not None:
        longest[0], longest[2] = min(longest[0], width * 2 // 5), min(longest[2], width * 2 // 5)
        longest[1] = min(longest[1], width - longest[0] - longest[2] - 4)
    return [
        "  ".join(
            _cut(text, room).ljust(room) for text, room in zip(row, longest, strict=True)
        ).rstrip()
        for row in rows
    ]


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def objects(root: Path, names: Sequence[str]) -> dict[str, bytes | None]:
    """The contents of `COMMIT:PATH`, by one call of git; None for what is not there."""
    wanted = list(dict.fromkeys(names))
    ran = subprocess.run(
        ["git", "cat-file", "--batch"],
        cwd=root,
        input="".join(f"{name}\n" for name in wanted).encode(),
        capture_output=True,
        check=True,
    )
    found: dict[str, bytes | None] = {}
    at = 0
    for name in wanted:
        end = ran.stdout.index(b"\n", at)
        head = ran.stdout[at:end].split()
        at, found[name] = end + 1, None
        if len(head) == 3 and head[1] == b"blob":
            found[name] = ran.stdout[at : at + int(head[2])]
            at += int(head[2]) + 1
    return found


def differing(params: bytes | None, start: bytes | None) -> str:
    """What of params.yaml is not as it was: `finetune.seed=3 embed.layers=[20]`."""
    if params is None or start is None:
        return UNKNOWN
    try:
        new, old = _flat(params), _flat(start)
    except (yaml.YAMLError, YAMLError, AttributeError):  # one file ends no list of hundreds
        return UNKNOWN
    told = [f"{name}={value}" for name, value in new.items() if not _same(value, old.get(name))]
    return " ".join([*told, *(f"~{name}" for name in old if name not in new)])


def headline(summary: bytes | None) -> str:
    """The difference of differences with its interval, or the dimensions of the first corpus."""
    if summary is None:
        return UNKNOWN
    numbers: dict[str, Any] = json.loads(summary)
    difference = numbers.get("difference_of_differences", {})
    if difference and "mean" not in difference:
        difference = next(iter(difference.values()))  # of the first control
    if difference:
        low, high = (f"{difference[end]:.2f}" for end in ("lower", "upper"))
        return f"{difference['mean']:.2f} [{low}, {high}]".replace("-", "−")
    for corpus, sides in numbers.get("dimension", {}).items():
        return f"{corpus} {' → '.join(f'{value:.2f}' for value in sides.values())}"
    return UNKNOWN


def _references(root: Path, beginning: str) -> Iterator[tuple[str, str, str]]:
    """Name, commit, and the commit that it started from, of each; newest first."""
    order = ("--sort=-creatordate", "--format=%(refname) %(objectname)")
    for line in git(root, "for-each-ref", *order, "refs/exps").splitlines():
        reference, _, commit = line.partition(" ")
        parts = reference.split("/")  # refs/exps/ab/cdef…/name
        if len(parts) == 5 and len(parts[3]) == 38 and parts[4].startswith(beginning):
            yield parts[4], commit, parts[2] + parts[3]


def _flat(content: bytes) -> Flat:
    """Every value by its dotted name; what many files have alike is read once."""
    found: Flat = {}
    for section in _sections(content.decode(errors="replace")):
        found |= _read(section)
    return found


def _sections(text: str) -> list[str]:
    """The text, cut before each name at the beginning of a line."""
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line[:1].isalpha():
            parts.append([])
        parts[-1].append(line)
    return ["\n".join(part) for part in parts]


@cache
def _read(section: str) -> Flat:
    refuse_deep(section, "a section")  # C's parser would end the process
    return dict(_leaves(yaml.load(section, Loader=_LOADER) or {}))


def _leaves(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _word(value)


def _word(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_word, value))}]"
    return NOTHING if value in NULLS else str(value)


def _same(one: str, other: str | None) -> bool:
    """Whether two values are one, be numbers written otherwise."""
    if one == other or other is None:
        return one == other
    try:
        return float(one) == float(other)
    except ValueError:
        return False
