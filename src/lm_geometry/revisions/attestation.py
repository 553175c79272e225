"""What the results of a revision are, by SHA-256: written to be signed, and compared."""

import hashlib
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypedDict, cast

from ruamel.yaml import YAML

from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.hashes import library_versions
from lm_geometry.workspace.section import ROOT

if TYPE_CHECKING:
    from lm_geometry.revisions.revision import Revision

Lock = Mapping[str, Any]  # what is in dvc.lock
FORMAT = 1


class Attestation(TypedDict):
    """Hashes of results, what they were made of, and where they were read.

    `outs` has the SHA-256 of every file by the path of its out and its own, `code` the hashes by
    which DVC knows what each stage ran, `parameters` those that it read. `machine` is the one that
    attests, with its versions and date.
    """

    format: int
    commit: str
    outs: dict[str, dict[str, str]]
    code: dict[str, dict[str, str]]
    parameters: dict[str, dict[str, Any]]
    machine: Mapping[str, Any]


class Files(Protocol):
    """The files of one revision by their paths in the workspace."""

    def files(self, folder: Path) -> list[Path]:
        """The file that a path is, or every one below it; raises FileNotFoundError for nothing."""
        ...

    def open(self, path: Path) -> BinaryIO:
        """A file's content; raises FileNotFoundError where it cannot be had."""
        ...


def of_revision(revision: "Revision") -> Attestation:
    """The attestation of a revision's results, with this machine.

    Raises FileNotFoundError where it has no dvc.lock, or a result cannot be had.
    """
    libraries = {"python": platform.python_version(), **library_versions()}
    machine = {
        "versions": libraries,
        "system": platform.platform(),
        "processor": platform.machine(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    lock = YAML(typ="safe").load(revision.open(ROOT / "dvc.lock").read())
    return attested(revision, lock, revision.commit, machine)


def read_attestation(file: Path) -> Attestation:
    """What is in a file that `lm-geometry attest` wrote; raises ValueError for another."""
    found = read_json(file)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"{file} is no attestation of format {FORMAT}: `lm-geometry attest`")
    return cast("Attestation", found)


def attested(tree: Files, lock: Lock, commit: str, machine: Mapping[str, Any]) -> Attestation:
    """The attestation of what `lock` names, every file read from end to end.

    Raises FileNotFoundError where a result is neither here nor in the remote.
    """
    stages: Mapping[str, Any] = lock["stages"]
    outs = {out["path"] for stage in stages.values() for out in stage.get("outs", ())}
    return Attestation(
        format=FORMAT,
        commit=commit,
        outs={path: _hashes(tree, path) for path in sorted(outs)},
        code={name: _code(stage, outs) for name, stage in stages.items()},
        parameters={
            name: stage.get("params", {}).get("params.yaml", {}) for name, stage in stages.items()
        },
        machine=machine,
    )


def differences(told: Attestation, found: Attestation) -> list[str]:
    """A line for each result, code and parameter that is not as it was attested."""
    lines = [f"{path}: the attestation has no such result" for path in _added(told, found)]
    for path, files in told["outs"].items():
        there = found["outs"].get(path, {})
        lines += [
            f"{name}: {'another content' if name in there else 'missing'}"
            for name, sha256 in files.items()
            if there.get(name) != sha256
        ]
        lines += [f"{name}: was not there" for name in there if name not in files]
    for what, part in (("code", "code"), ("parameter", "parameters")):
        for stage, values in told[part].items():
            lines += _unlike(f"{what} of {stage}", values, found[part].get(stage, {}))
    return lines


def other_versions(told: Attestation, found: Attestation) -> list[str]:
    """A line for each library whose version is another where it is looked at."""
    here = found["machine"].get("versions", {})
    return [
        f"{name} {here.get(name, 'is not here')}; attested with {version}"
        for name, version in told["machine"].get("versions", {}).items()
        if here.get(name) != version
    ]


def _added(told: Attestation, found: Attestation) -> Iterator[str]:
    return (path for path in found["outs"] if path not in told["outs"])


def _unlike(where: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted({*told, *found}):
        if told.get(key) != found.get(key):
            yield f"{where}: {key} is {found.get(key)!r}, attested was {told.get(key)!r}"


def _code(stage: Mapping[str, Any], outs: set[str]) -> dict[str, str]:
    """DVC's hashes of what a stage depends on and no stage makes."""
    return {
        dep["path"]: dep["md5"]
        for dep in stage.get("deps", ())
        if not any(f"{dep['path']}/".startswith(f"{out}/") for out in outs)
    }


def _hashes(tree: Files, out: str) -> dict[str, str]:
    """SHA-256 of the file that an out is, or of each below it, by its path."""
    found = {}
    for file in tree.files(ROOT / out):
        digest = hashlib.sha256()
        with tree.open(file) as content:
            while block := content.read(2**20):
                digest.update(block)
        found[file.relative_to(ROOT).as_posix()] = digest.hexdigest()
    return found
