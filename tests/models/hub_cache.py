"""Models as they lie in the hub's own cache on this machine, without a network."""

import hashlib
from pathlib import Path

import pytest


def blob_name(content: bytes, large: bool) -> str:
    """What the hub's cache names a file by: SHA-256 of a large one, git's hash of a small one."""
    if large:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def cached(cache: Path, id: str, branch: str, commit: str, folder: Path) -> Path:
    """Put a folder into the cache as one commit, at which a branch then is; the snapshot."""
    repository = cache / f"models--{id.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    for place in (snapshot, repository / "blobs", repository / "refs"):
        place.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        content = file.read_bytes()
        blob = repository / "blobs" / blob_name(content, file.suffix == ".safetensors")
        blob.write_bytes(content)
        (snapshot / file.name).symlink_to(Path("..", "..", "blobs", blob.name))
    (repository / "refs" / branch).write_text(commit)
    return snapshot


def only_the_cache(cache: Path, patch: pytest.MonkeyPatch) -> None:
    """This process asks nobody, and finds what is in the cache."""
    from huggingface_hub import constants

    patch.setattr(constants, "HF_HUB_CACHE", str(cache))
    patch.setattr(constants, "HF_HUB_OFFLINE", True)
