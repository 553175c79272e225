"""Results are read without DVC, packages or this project: from a folder, or over HTTP."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

READER = Path(__file__).resolve().parents[2] / "tools" / "read_results.py"
TABLES = {"means.parquet": b"means", "deep/changes.parquet": b"changes"}
LOCK = """schema: '2.0'
stages:
  aggregate:
    cmd:
    - python stages/aggregate.py
    deps:
    - path: data/estimates
      hash: md5
      md5: 00000000000000000000000000000000.dir
      size: 1
      nfiles: 1
    params:
      params.yaml:
        aggregate:
          layer: last
    outs:
    - path: data/tables
      hash: md5
      md5: {tables}
      size: 12
      nfiles: 2
    - path: metrics/summary.json
      hash: md5
      md5: 11111111111111111111111111111111
      size: 2
    - path: 'plots/loss.json'
      hash: md5
      md5: {plot}
      size: 2
"""


def put(place: Path, content: bytes, ending: str = "") -> str:
    """Store an object as DVC does; its name."""
    oid = hashlib.md5(content, usedforsecurity=False).hexdigest()
    file = place / "files" / "md5" / oid[:2] / f"{oid[2:]}{ending}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return f"{oid}{ending}"


def stored(place: Path, tables: dict[str, bytes] = TABLES) -> str:
    """Text of a dvc.lock whose results the place holds."""
    listed = [{"md5": put(place, content), "relpath": name} for name, content in tables.items()]
    listing = put(place, json.dumps(listed).encode(), ".dir")
    return LOCK.format(tables=listing, plot=put(place, b"{}"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "dvc.lock").write_text(stored(tmp_path / "remote"))
    (tmp_path / "project" / "dvc.yaml").write_text("- metrics/summary.json: {cache: false}\n")
    return tmp_path / "project"


class Bucket(SimpleHTTPRequestHandler):
    """Of objects by their whole names, as S3 has them: `//files` is none."""

    def translate_path(self, path: str) -> str:
        return super().translate_path("/none" if "//" in path else path)


@pytest.fixture(params=["folder", "http"])
def place(project: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    remote = str(project.parent / "remote")
    if request.param == "folder":
        yield remote
        return
    handler = partial(Bucket, directory=remote)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def run(project: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Python alone: no site-packages, no variables, no folder of the user's."""
    alone = [sys.executable, "-I", "-S", str(READER), *map(str, words)]
    return subprocess.run(alone, cwd=project, capture_output=True, text=True, timeout=60)


def test_it_is_short() -> None:
    assert len(READER.read_text().splitlines()) <= 100


def test_results_are_listed(project: Path) -> None:
    lines = run(project).stdout.splitlines()
    assert [line.split()[1] for line in lines] == [
        *("data/tables", "metrics/summary.json", "plots/loss.json")
    ]


def test_whole_results_are_verified_and_extracted(project: Path, place: str) -> None:
    ran = run(project, place)
    assert (ran.returncode, ran.stdout.count(": whole")) == (0, 3), ran
    ran = run(project, place, "--into", project / "new")
    assert ran.returncode == 0, ran
    found = {file: file.read_bytes() for file in (project / "new").rglob("*") if file.is_file()}
    expected = {f"data/tables/{name}": content for name, content in TABLES.items()}
    expected["plots/loss.json"] = b"{}"
    assert {str(f.relative_to(project / "new")): c for f, c in found.items()} == expected


@pytest.mark.parametrize(
    ("asked", "number"), [("data", 2), ("data/tables/deep", 1), ("plots/loss.json", 1)]
)
def test_a_part_is_chosen_by_its_path(project: Path, asked: str, number: int) -> None:
    ran = run(project, project.parent / "remote", asked)
    assert (ran.returncode, ran.stdout.count(": whole")) == (0, number), ran


@pytest.mark.parametrize("asked", ["dat", "data/tables/nosuch", "plots/loss.json/x"])
def test_what_no_result_is_called_is_no_success(project: Path, asked: str) -> None:
    ran = run(project, project.parent / "remote", "plots/loss.json", asked)
    assert ran.returncode == 1, ran
    assert f"{asked}: dvc.lock names no such result" in ran.stdout
    assert ran.stdout.count("names no such") == ran.stdout.count(": whole") == 1


def test_what_is_not_whole_is_named(project: Path, place: str) -> None:
    remote = project.parent / "remote"
    object_of = {file.read_bytes(): file for file in remote.rglob("*") if file.is_file()}
    object_of[b"changes"].write_bytes(b"chAnges")
    ran = run(project, place, "--into", project / "new")
    assert ran.returncode == 1
    assert "data/tables: NOT WHOLE: damaged" in ran.stdout
    assert not (project / "new" / "data" / "tables" / "deep" / "changes.parquet").exists()
    object_of[b"{}"].unlink()
    assert "plots/loss.json: NOT WHOLE" in run(project, place).stdout


def test_no_file_leaves_its_folder(project: Path) -> None:
    lock = stored(project.parent / "evil", {"../../../escaped": b"text"})
    (project / "dvc.lock").write_text(lock)
    ran = run(project, project.parent / "evil", "data/tables", "--into", project / "new")
    assert ran.returncode == 1
    assert "leads out of its folder" in ran.stdout
    assert not list(project.parent.rglob("escaped"))


@pytest.mark.parametrize("length", [0, 300, -3])
def test_a_lock_cut_by_a_kill_is_told(project: Path, length: int) -> None:
    lock = project / "dvc.lock"
    lock.write_text(lock.read_text()[:length])
    ran = run(project)
    assert ran.returncode == 1
    assert "`git checkout dvc.lock`" in ran.stderr
