"""`lm-geometry audit` and `pull`: what is wrong in cache and remote is named, refused, mended."""

import hashlib
from pathlib import Path

import pytest

from lm_geometry.workspace.section import read_yaml
from tests.toy_project import ToyProject, finished, toy

__all__ = ["finished", "toy"]

LAYER = "data/states/base/layer-01.npy"


def object_of(project: ToyProject, path: str) -> str:
    """Path of the object of a file or folder in a cache or remote: `ab/cdef…`."""
    if (project.folder / path).is_file():
        oid = hashlib.md5((project.folder / path).read_bytes()).hexdigest()
    else:
        stages = read_yaml(project.folder / "dvc.lock")["stages"].values()
        oid = next(o["md5"] for stage in stages for o in stage["outs"] if o["path"] == path)
    return f"{oid[:2]}/{oid[2:]}"


def cached(project: ToyProject, path: str) -> Path:
    return project.folder / ".dvc" / "cache" / "files" / "md5" / object_of(project, path)


def pushed(project: ToyProject, path: str) -> Path:
    return project.folder.parent / "remote" / "files" / "md5" / object_of(project, path)


def overwrite(file: Path, content: bytes) -> None:
    """Write through a read-only mode, which is what root does: DVC trusts such objects."""
    mode = file.stat().st_mode
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(mode)


@pytest.fixture
def shared(toy: ToyProject) -> ToyProject:
    """A project whose results were pushed."""
    toy.dvc("push", "--quiet")
    return toy


def complaint(project: ToyProject, *arguments: str) -> str:
    with pytest.raises(SystemExit) as raised:
        project.command(*arguments)
    assert raised.value.code not in (0, None)
    return str(raised.value.code)


def test_whole_results_are_not_complained_of(
    shared: ToyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.command("audit")
    remote = shared.folder.parent / "remote"
    # Four layers, model, table and two listings.
    assert capsys.readouterr().out == (
        f"cache: 8 of 8 objects are whole\nremote folder ({remote}): 8 of 8 objects are whole\n"
    )
    assert sum(file.is_file() for file in remote.rglob("*")) == 8


def test_what_was_not_pushed_or_pulled_is_no_fault(
    toy: ToyProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.command("audit", "estimate")
    assert "to be moved by `lm-geometry push`: 2 of data/tables" in capsys.readouterr().out
    toy.dvc("push", "--quiet")
    clone = toy.clone(tmp_path / "clone")
    clone.command("audit", "data/model.json", "data/tables")
    out = capsys.readouterr().out
    assert "to be moved by `lm-geometry pull`: 3 of data/model.json, data/tables" in out


def test_an_out_that_is_never_pushed_is_looked_for_here_alone(
    toy: ToyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    file = toy.folder / "dvc.yaml"
    file.write_text(file.read_text().replace("[data/tables]", "[data/tables: {push: false}]", 1))
    toy.dvc("push", "--quiet")
    toy.command("audit")
    out = capsys.readouterr().out
    assert "cache: 8 of 8" in out
    assert "): 6 of 6" in out
    assert "moved" not in out


@pytest.mark.parametrize("damage", ["truncated", "corrupted"])
def test_the_cache_is_mended_from_the_remote(shared: ToyProject, damage: str) -> None:
    before = shared.bytes()
    for path in ("data/model.json", LAYER):
        file = cached(shared, path)
        content = file.read_bytes()
        overwrite(file, content[:5] if damage == "truncated" else bytes(len(content)))
        (shared.folder / path).unlink()
    said = complaint(shared, "audit")
    assert f"{damage} in the cache: {LAYER} of data/states, made by embed" in said
    assert f"{damage} in the cache: data/model.json, made by embed" in said
    shared.command("audit", "--repair")
    shared.command("audit")
    shared.dvc("checkout", "--quiet")
    assert shared.bytes() == before


def test_a_corrupt_listing_is_mended_in_both_places(shared: ToyProject) -> None:
    before = shared.bytes()
    files = (cached(shared, "data/states"), pushed(shared, "data/tables"))
    for file in files:
        overwrite(file, b"[]")
    said = complaint(shared, "audit")
    assert "in the cache: the listing of data/states, made by embed, 2 bytes" in said
    assert "the listing of data/tables, made by estimate, 2 bytes" in said
    shared.command("audit", "--repair")
    shared.command("audit")
    assert shared.bytes() == before


def test_what_only_the_workspace_has_is_saved_from_it(toy: ToyProject) -> None:
    """After a full disk: outs that `dvc repro` could not put into the cache."""
    for path in ("data/states", LAYER, "data/tables"):
        cached(toy, path).unlink()
    said = complaint(toy, "audit", "--no-remote", "--quick")
    assert "missing in the cache: the listing of data/states, made by embed" in said
    toy.command("audit", "--no-remote", "--repair")
    toy.command("audit", "--no-remote")
    assert toy.dvc("push", "--quiet") == 0


def test_what_is_whole_nowhere_is_taken_away_and_made_again(
    shared: ToyProject, capsys: pytest.CaptureFixture[str]
) -> None:
    before = shared.bytes()
    for file in (cached(shared, LAYER), pushed(shared, LAYER)):
        overwrite(file, b"?")
    overwrite(shared.folder / LAYER, b"?")
    said = complaint(shared, "audit", "--repair")
    assert "these are whole nowhere" in said
    assert f"in the cache: {LAYER} of data/states, made by embed, 1 bytes" in said
    assert f"in the remote folder ({shared.folder.parent / 'remote'}): {LAYER}" in said
    shared.dvc("repro", "--quiet")
    assert shared.bytes() == before
    shared.dvc("push", "--quiet")
    capsys.readouterr()
    shared.command("audit")
    assert "8 of 8" in capsys.readouterr().out


def test_a_pull_refuses_and_names_what_is_damaged(
    shared: ToyProject, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    overwrite(pushed(shared, "data/model.json"), b'{"l')
    overwrite(pushed(shared, LAYER), b"?" * 3000)
    clone = shared.clone(tmp_path / "clone")
    said = complaint(clone, "pull")
    assert "truncated in the remote folder" in said
    assert "data/model.json, made by embed, 3 bytes" in said
    assert f"{LAYER} of data/states, made by embed, 3,000 bytes" in said
    assert not {LAYER, "data/model.json"} & set(clone.bytes())
    # `dvc push` of the whole copy mends nothing of a folder; audit does.
    capfd.readouterr()
    shared.dvc("push")
    assert "Everything is up to date" in capfd.readouterr().out
    assert "data/model.json" in complaint(clone, "pull")
    shared.command("audit", "--repair")
    clone.command("pull")
    assert clone.bytes() == shared.bytes()


def test_an_empty_remote_is_one_sentence(toy: ToyProject, tmp_path: Path) -> None:
    clone = toy.clone(tmp_path / "clone")
    remote = tmp_path / "remote"
    sentence = f"the remote folder ({remote}) has none of these results: `dvc repro` rebuilds them"
    assert complaint(clone, "pull") == f"lm-geometry pull: {sentence}"
    said = complaint(clone, "audit")
    assert said.endswith("`dvc repro` makes the rest")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "training"], "dvc.lock names no result of training: `dvc repro` makes them"),
        (["audit", "--remote", "mine"], "remote 'mine' doesn't exist"),
        (["audit", "--remote", "far"], "pip install -r requirements/gs.txt"),
        (["audit", "--remote", "dav"], "pip install dvc-webdav"),
        (["pull", "--remote", "far"], "`dvc remote modify far verify true`"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(
    toy: ToyProject, arguments: list[str], message: str
) -> None:
    toy.dvc("remote", "add", "--quiet", "--local", "far", "gs://bucket/path")
    toy.dvc("remote", "add", "--quiet", "--local", "dav", "webdav://host/path")
    assert message in complaint(toy, *arguments)


def test_a_remote_that_cannot_be_read_is_not_taken_for_an_empty_one(toy: ToyProject) -> None:
    remote = toy.folder.parent / "remote"
    remote.symlink_to(remote)
    assert "cannot be reached" in complaint(toy, "audit")
