"""Results as a static tree: who has the address alone pulls all of them, and runs nothing."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.structure import ROOT
from tests.toy_project import ToyProject, finished, stages_run

__all__ = ["finished"]


def recipe(folder: Path) -> list[list[str]]:
    """The words of the lines that `make publish` runs."""
    words = ["make", "--dry-run", "publish", f"DIR={folder}"]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line.replace('"', "").split() for line in ran.stdout.splitlines()]
    return [
        line for line in lines if line[0] in ("dvc", "lm-geometry", "cp") and "config" not in line
    ]


@pytest.fixture
def address(finished: ToyProject, tmp_path: Path) -> Iterator[str]:
    """Where a toy project was published; it is gone, and so are its cache and its remote."""
    project, tree = finished.copy(tmp_path / "deep" / "project"), tmp_path / "tree"
    *commands, copied = recipe(tree)
    remote, push = commands
    assert remote[:2] == ["dvc", "remote"]
    assert push[:2] == ["lm-geometry", "push"]
    project.dvc(*remote[1:])
    project.command(*push[1:])
    assert copied == ["cp", "dvc.lock", "dvc.yaml", "tools/read_results.py", str(tree)]
    for name in ("dvc.lock", "dvc.yaml"):
        (tree / name).write_bytes((project.folder / name).read_bytes())
    handler = partial(SimpleHTTPRequestHandler, directory=str(tree))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_fresh_clone_pulls_and_has_nothing_to_rebuild(
    address: str, finished: ToyProject, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clone = finished.clone(tmp_path / "another" / "place" / "clone")
    (clone.folder / ".dvc" / "config.local").unlink(missing_ok=True)
    clone.dvc("remote", "add", "--local", "--force", "--default", "chosen", address)
    clone.dvc("remote", "modify", "--local", "chosen", "verify", "true")
    clone.dvc("pull")
    assert clone.bytes() == finished.bytes()
    caplog.clear()
    clone.dvc("repro")
    assert stages_run(caplog) == []


def test_python_alone_extracts_the_same(address: str, finished: ToyProject, tmp_path: Path) -> None:
    reader = [sys.executable, "-I", "-S", str(ROOT / "tools" / "read_results.py")]
    lock = ["--lock", str(finished.folder / "dvc.lock")]
    subprocess.run([*reader, address, "--into", str(tmp_path / "new"), *lock], check=True)
    extracted = ToyProject(tmp_path / "new")
    assert extracted.bytes() == finished.bytes()
