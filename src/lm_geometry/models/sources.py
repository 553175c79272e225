"""Where models and corpora come from: the hub, files, members of packages, kept models.

A package is fetched as a wheel and opened as a zip archive; it is never installed nor imported.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from lm_geometry.models.downloaded import record, verified
from lm_geometry.models.hub_errors import hub_error
from lm_geometry.models.local_files import SourceError, advice, local_path
from lm_geometry.workspace.progress import under_way

__all__ = ["Source", "SourceError", "fetch", "hub_error", "parse"]

OPTIONS = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
OPTIONS += ["--retries=2"]  # pip names a connection that failed only when it tries again
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
KEPT = re.compile(r"kept:(?P<location>[a-z0-9-]+)#sha256=(?P<sha256>[0-9a-f]{64})")
JOINED = "joined"
OFFLINE = re.compile(
    r"Failed to establish|name resolution|ConnectTimeout|ConnectionError|Network is unreachable"
    r"|Connection refused|ProxyError|timed out|getaddrinfo"
)


@dataclass(frozen=True)
class Source:
    """A parsed source.

    `location` is the hub id, the path, the package or the kept model; `revision` is that of the
    hub or the package's version; `member` is a path inside the hub repository or the wheel.
    `parts` are members of several wheels that make one zip archive when they are joined.
    """

    scheme: Literal["hub", "file", "package", "kept"]
    location: str
    revision: str = ""
    member: str = ""
    sha256: str = ""
    parts: tuple["Source", ...] = ()


def parse(text: str) -> Source:
    """The source that `text` names; raises ValueError for none of these.

    Ways: `hub:ID[/PATH][@REVISION]`, `file:PATH`, `package:NAME==VERSION/PATH#sha256=HASH`;
    `package:…+package:…`, the parts of a zip archive in their order; and `kept:NAME#sha256=HASH`,
    which `lm-geometry keep` writes.
    """
    texts = re.split(r"\+(?=package:)", text)
    if len(texts) > 1:
        parts = tuple(parse(part) for part in texts)
        return replace(parts[0], member="", sha256="", parts=parts)
    if text.startswith("file:") and len(text) > len("file:"):
        return Source("file", text.removeprefix("file:"))
    if match := HUB.fullmatch(text):
        return Source("hub", match["location"], match["revision"] or "", match["member"] or "")
    if match := KEPT.fullmatch(text):
        return Source("kept", match["location"], sha256=match["sha256"])
    if match := PACKAGE.fullmatch(text):
        place = match["location"], match["revision"], match["member"]
        source = Source("package", *place, sha256=match["sha256"])
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
    if source.scheme == "kept":
        raise SourceError(f"kept:{source.location} is a model, and no file: give it as model.name")
    folder = package_folder(source, downloads)
    if not verified(folder):
        _extract(source, folder)
    return folder / PurePosixPath(source.member).name if source.member else _top(folder / JOINED)


def package_folder(source: Source, downloads: Path) -> Path:
    """Where in `downloads` a package's member is put, whether or not it is there."""
    parts = source.parts or (source,)
    identity = "+".join(f"{part.sha256}/{part.member.strip('/')}" for part in parts)
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]  # those of 12 have no record
    return downloads / f"{source.location}-{source.revision}" / key


def _top(folder: Path) -> Path:
    """The one folder that an archive holds, or the folder it was extracted to."""
    inside = list(folder.iterdir())
    return inside[0] if len(inside) == 1 else folder


def _local(source: Source) -> Path:
    path = local_path(source.location)
    if path.exists():
        return path
    raise SourceError(
        f"file:{source.location} does not exist (looked for {path}){advice(source.location)}"
    )


def _extract(source: Source, folder: Path) -> None:
    """Put what the source names into `folder`, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as name:
        partial = Path(name)
        if source.parts:
            archive = _joined(source, partial)
            _unzip(archive, PurePosixPath(), partial / "extracted" / JOINED)
        else:
            member = PurePosixPath(source.member.strip("/"))
            _unzip(_wheel(source, partial), member, partial / "extracted")
        if verified(folder):  # another process was faster
            return
        if folder.exists():
            print(f"{folder} is not what was downloaded: it is replaced", file=sys.stderr)
            folder.replace(partial / "damaged")
        record(partial / "extracted", folder)
        try:
            (partial / "extracted").replace(folder)
        except OSError:
            # Another process was faster: a folder that is not empty is never replaced.
            if not folder.exists():
                raise


def _joined(source: Source, folder: Path) -> Path:
    """The zip archive whose pieces are members of several wheels."""
    archive = folder / "joined.zip"
    with archive.open("wb") as whole:
        for number, part in enumerate(source.parts):
            member = PurePosixPath(part.member)
            (folder / str(number)).mkdir()
            wheel = _wheel(part, folder / str(number))
            _unzip(wheel, member, folder / str(number) / "piece")
            with (folder / str(number) / "piece" / member.name).open("rb") as piece:
                shutil.copyfileobj(piece, whole)
            shutil.rmtree(folder / str(number))
    return archive


def _wheel(source: Source, folder: Path) -> Path:
    """The wheel of a package as pip downloads it, its hash checked."""
    pinned = f"{source.location}=={source.revision}"
    print(f"downloading {pinned}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "pip", "download", *OPTIONS, *TARGET, "-d", str(folder)]
    with under_way(f"downloading {pinned}"):
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


def _unzip(path: Path, member: PurePosixPath, target: Path) -> None:
    """Write the file or folder `member` of an archive to `target / member.name`."""
    with zipfile.ZipFile(path) as archive:
        files = [name for name in archive.namelist() if not name.endswith("/")]
        names = [name for name in files if PurePosixPath(name).is_relative_to(member)]
        if not names:
            raise SourceError(f"{path.name} has no {member} in it")
        for name in names:
            if not _stays_inside(name):
                raise SourceError(f"{path.name}: its member {name!r} leaves the folder")
            extracted = target / PurePosixPath(name).relative_to(member.parent)
            extracted.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as packed, extracted.open("wb") as file:
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
