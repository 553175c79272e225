"""The weights of a revision on the hub, by its metadata: known before anything is downloaded."""

import contextlib
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from lm_geometry.models.hub_errors import hub_error
from lm_geometry.models.local_files import SourceError
from lm_geometry.models.sources import Source, parse
from lm_geometry.models.weight_choice import FILES, chosen
from lm_geometry.workspace.hashes import path_hash, value_hash

COMMIT = re.compile(r"[0-9a-f]{40}")
BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
LARGEST_IN_GIT = 10 * 2**20  # bytes; the hub takes no larger file without Git LFS
UNREACHED = ("cannot be reached", "HF_HUB_OFFLINE")  # in what is said of a hub that is not there


@dataclass(frozen=True)
class Weights:
    """The weight files of one revision or folder: their hash, and the commit of a revision."""

    content: str
    commit: str = ""


@cache
def hub_weights(source: Source) -> Weights:
    """The weights of a hub source; without a network those of this machine's cache.

    The hash is of the SHA-256 that the hub has for each large file (of a small one its git hash).
    Raises SourceError, one sentence, where the revision or its weights are missing.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    revision = source.revision or None
    try:
        found = HfApi().model_info(source.location, revision=revision, files_metadata=True)
    except OfflineModeIsEnabled:
        return _cached(source)
    except Exception as error:
        told = hub_error(error, f"hub:{source.location}")
        if UNREACHED[0] in told:  # transformers would take the cache then, too
            with contextlib.suppress(SourceError):
                return _cached(source)
        raise SourceError(told) from error
    hashes = {
        file.rfilename: file.lfs.sha256 if file.lfs else f"git:{file.blob_id}"
        for file in found.siblings or []
    }
    return Weights(_joint(hashes, _fetcher(source), _told(source)), found.sha or "")


def same_weights(found: Iterable[tuple[str, Weights]]) -> list[str]:
    """Of models, each as it is told, those that have the same weights: a sentence for each."""
    by_weights: dict[str, list[str]] = defaultdict(list)
    for told, weights in found:
        by_weights[weights.content].append(told)
    return [f"{', '.join(same)} have the same weights" for same in by_weights.values() if same[1:]]


def refuse_same_weights(names: Iterable[Any]) -> None:
    """Raises ValueError where two revisions on the hub have the same weights, or one is missing.

    Of `names` of models those are asked for that name a revision of the hub, by its metadata; where
    the hub cannot be reached that is left to data-prep.
    """
    errors: list[str] = []
    found: dict[str, Weights] = {}
    for name in dict.fromkeys(names):
        if not (isinstance(name, str) and name.startswith("hub:") and "@" in name):
            continue
        try:
            found[name] = hub_weights(parse(name))
        except SourceError as error:
            if not any(words in str(error) for words in UNREACHED):
                errors.append(f"{name}: {error}")
    errors += same_weights(found.items())
    if errors:
        raise ValueError("\n".join(f"model.name: {error}" for error in errors))


def folder_weights(folder: Path) -> Weights:
    """The weights in a folder; raises SourceError where there are none, or a part is not there."""
    names = [path.name for path in folder.iterdir()]
    files = [folder / name for name in _chosen(names, folder.joinpath, str(folder))]
    if missing := [file.name for file in files if not file.exists()]:
        raise SourceError(f"{folder} lacks a part of its weights, {missing[0]}")
    return Weights(value_hash([[file.name, path_hash(file)] for file in files]))


def are_of(content: str, files: list[Path]) -> bool:
    """Whether the files, read from disk, hold what `hub_weights` has this hash of."""
    if value_hash(sorted([file.name, _hash_of(file)] for file in files)) == content:
        return True
    # Without symbolic links the cache does not tell of which kind the hub's own hash is.
    small = {file for file in files if _is_unnamed(file) and file.stat().st_size <= LARGEST_IN_GIT}
    hashes = [[file.name, (_git_hash if file in small else _hash_of)(file)] for file in files]
    return bool(small) and value_hash(sorted(hashes)) == content


def altered(files: Iterable[Path]) -> list[Path]:
    """The files of the hub's cache that do not hold what they are named by there."""
    found = (file.resolve() for file in files if not _is_unnamed(file))
    return [file for file in found if _hash_of(file).removeprefix("git:") != file.name]


def _hash_of(file: Path) -> str:
    """SHA-256, and of what is small the hash of git, by which the hub's cache names such a file."""
    return _git_hash(file) if COMMIT.fullmatch(file.resolve().name) else path_hash(file)


def _git_hash(file: Path) -> str:
    content = file.read_bytes()
    header = f"blob {len(content)}\0".encode()
    return f"git:{hashlib.sha1(header + content, usedforsecurity=False).hexdigest()}"


def _is_unnamed(file: Path) -> bool:
    """Whether a file of the hub's cache is no link to what is named by its hash."""
    return BLOB.fullmatch(file.resolve().name) is None


def _cached(source: Source) -> Weights:
    """Files of the hub's cache are links to what they are named by: the hub's own hashes."""
    from huggingface_hub import snapshot_download

    try:
        place = snapshot_download(
            source.location, revision=source.revision or None, local_files_only=True
        )
    except Exception as error:
        raise SourceError(hub_error(error, f"hub:{source.location}")) from error
    hashes = {file.name: _named_by(file) for file in Path(place).iterdir() if file.is_file()}
    told = f"{_told(source)} in this machine's cache"
    return Weights(_joint(hashes, Path(place).joinpath, told), Path(place).name)


def _named_by(file: Path) -> str:
    """The hub's own hash of a file, by the name in its cache; read where it has none there."""
    blob = file.resolve().name
    if _is_unnamed(file):
        return path_hash(file)
    return f"git:{blob}" if COMMIT.fullmatch(blob) else blob


def _fetcher(source: Source) -> Callable[[str], Path]:
    """Brings a small file of a hub model; raises SourceError."""

    def brought(name: str) -> Path:
        from huggingface_hub import hf_hub_download

        try:
            found = hf_hub_download(source.location, name, revision=source.revision or None)
        except Exception as error:
            raise SourceError(hub_error(error, f"hub:{source.location}")) from error
        return Path(found)

    return brought


def revisions_like(source: Source, pattern: str) -> list[str]:
    """The branches and tags of a hub model that a pattern means; raises SourceError for none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        refs = HfApi().list_repo_refs(source.location)
    except OfflineModeIsEnabled:
        raise SourceError(
            f"{pattern!r} stands for what the hub has, which HF_HUB_OFFLINE forbids to ask for: "
            "write each revision"
        ) from None
    except Exception as error:
        raise SourceError(hub_error(error, f"hub:{source.location}")) from error
    names = [ref.name for ref in (*refs.branches, *refs.tags)]
    found = [name for name in dict.fromkeys(names) if fnmatch(name, pattern)]
    if not found:
        raise SourceError(f"hub:{source.location} has no revision like {pattern!r}")
    return found


def delete_revision(source: Source) -> None:
    """Take a revision out of the hub's cache on this machine, and what no other needs of it."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        return
    there = {
        r.commit_hash
        for repo in cache.repos
        if repo.repo_id == source.location
        for r in repo.revisions
    }
    if source.revision in there:
        freed = cache.delete_revisions(source.revision)
        freed.execute()
        print(
            f"deleted {_told(source)} from the hub's cache: {freed.expected_freed_size_str}",
            flush=True,
        )


def _joint(hashes: dict[str, str], brought: Callable[[str], Path], told: str) -> str:
    names = _chosen([*hashes], brought, told)
    if missing := [name for name in names if name not in hashes]:
        raise SourceError(f"{told} lacks a part of its weights, {missing[0]}")
    return value_hash(sorted([name, hashes[name]] for name in names))


def _chosen(names: list[str], brought: Callable[[str], Path], told: str) -> list[str]:
    """The weight files among the names of a folder; raises SourceError where there are none."""
    if found := chosen(names, brought):
        return found
    raise SourceError(f"{told} has no weights: none of its files is {' or '.join(FILES)}")


def _told(source: Source) -> str:
    return f"hub:{source.location}" + (f"@{source.revision}" if source.revision else "")
