"""A server on this machine that answers as the hub does: metadata, references, files."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote

import pytest

Revisions = dict[str, Path]  # folders by name of the revision


def commit_of(revision: str) -> str:
    return hashlib.sha1(revision.encode()).hexdigest()


class _Answers(BaseHTTPRequestHandler):
    id: str
    revisions: Revisions
    asked: list[str]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def _answer(self, with_content: bool) -> None:
        path = unquote(self.path.partition("?")[0])
        part = " in part" if self.headers.get("Range") else ""
        self.asked.append(f"{self.command} {path}{part}")
        api = f"/api/models/{self.id}"
        if path == f"{api}/refs":
            branches = [self._reference(name) for name in self.revisions]
            self._json({"branches": branches, "tags": [], "converts": []})
        elif path == api or path.startswith(f"{api}/revision/"):
            name = path.removeprefix(api).removeprefix("/revision/") or "main"
            self._metadata(name)
        elif path.startswith(f"/{self.id}/resolve/"):
            revision, _, file = path.removeprefix(f"/{self.id}/resolve/").partition("/")
            self._file(revision, file, with_content)
        else:
            self._missing("EntryNotFound")

    def _reference(self, name: str) -> dict[str, str]:
        return {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit_of(name)}

    def _folder(self, revision: str) -> Path | None:
        commits = {commit_of(name): folder for name, folder in self.revisions.items()}
        return self.revisions.get(revision) or commits.get(revision)

    def _metadata(self, revision: str) -> None:
        folder = self._folder(revision)
        if folder is None:
            return self._missing("RevisionNotFound")
        siblings = []
        for file in sorted(folder.iterdir()):
            content = file.read_bytes()
            entry: dict[str, object] = {"rfilename": file.name, "size": len(content)}
            entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            if file.suffix == ".safetensors":
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            siblings.append(entry)
        return self._json({"id": self.id, "sha": commit_of(revision), "siblings": siblings})

    def _file(self, revision: str, name: str, with_content: bool) -> None:
        folder = self._folder(revision)
        if folder is None or not (folder / name).is_file():
            return self._missing("EntryNotFound")
        content = (folder / name).read_bytes()
        commit = revision if revision not in self.revisions else commit_of(revision)
        tag, asked = hashlib.sha256(content).hexdigest(), self.headers.get("Range")
        if asked:  # as of the header of weights
            first, last = map(int, asked.removeprefix("bytes=").split("-"))
            content = content[first : last + 1]
        self.send_response(206 if asked else 200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{tag}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_content:
            self.wfile.write(content)
        return None

    def _json(self, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _missing(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def served(id: str, revisions: Revisions) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub that has `id` with its revisions alone, and paths that are asked for."""
    asked: list[str] = []
    answers = type("Answers", (_Answers,), {"id": id, "revisions": revisions, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def hub_server(
    id: str, revisions: Revisions, cache: Path, patch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The paths that this process asks for, while `id` with its revisions is all of the hub."""
    from huggingface_hub import constants, hf_api
    from transformers.utils import hub

    with served(id, revisions) as (address, asked):
        for name, value in {
            "ENDPOINT": address,
            "HUGGINGFACE_CO_URL_TEMPLATE": address + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_DISABLE_XET": True,
        }.items():
            patch.setattr(constants, name, value)
        patch.setattr(hf_api.api, "endpoint", address)  # which it read when it was imported
        patch.setattr(hub, "_hf_api", None)  # that of transformers has one, too
        yield asked
