"""Cells: checked when they are used, and kept until DVC's cache has them."""

import hashlib
import os
from pathlib import Path

import pytest

from lm_geometry.workspace import dvc_cache, hashes, inputs, machine
from lm_geometry.workspace.cells import Cells, clear_saved, forget_opened
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.inputs import InputsChangedError, unchanged
from lm_geometry.workspace.manifest import is_whole, manifest_of, write_manifest


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one stage, and a DVC cache that is still empty."""
    root = tmp_path / "project"
    for folder in ("src/pack", ".dvc", "data/in"):
        (root / folder).mkdir(parents=True)
    (root / "src" / "pack" / "two.py").write_text("2\n")
    (root / "data" / "in" / "a.npy").write_bytes(b"abc")
    (root / "data" / "one.json").write_text("1")
    (root / "params.yaml").write_text("seed: 0\nembed: {a: 1}\nestimate: {b: 1}\n")
    stage = "cmd: x\n    deps: [src/pack, data/in, data/one.json]\n    params: [seed, embed]\n"
    (root / "dvc.yaml").write_text(f"stages:\n  embed:\n    {stage}")
    for module in (dvc_cache, hashes, inputs, machine):
        monkeypatch.setattr(module, "ROOT", root)
    return root


def finished(run: Cells, *names: str) -> None:
    for name in names:
        path = run.path(name)
        path.mkdir()
        (path / "layer.npy").write_bytes(name.encode() * 1000)
        (path / "meta.json").write_text(f'"{name}"')
        run.finish(name)


def test_a_cell_that_is_not_what_it_was_is_made_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Cells("embed", {})
    assert not run.has("a")
    finished(run, *"abcdef")
    assert all(run.has(name) for name in "abcdef")
    flipped = bytearray(run.path("a", "layer.npy").read_bytes())
    flipped[500] ^= 1  # of the same size, at the same time
    run.path("a", "layer.npy").write_bytes(flipped)
    run.path("b", "layer.npy").write_bytes(b"b")
    run.path("c", "layer.npy").unlink()
    run.path("d", "more.npy").touch()
    manifest_of(run.path("e")).write_text("{")
    assert [name for name in "abcdef" if run.has(name)] == ["f"]
    assert not any(run.path(name).exists() for name in "abcde")
    assert capsys.readouterr().out.count("is made again") == 5


def test_cells_stay_until_the_cache_of_dvc_has_every_file(project: Path) -> None:
    run = Cells("embed", {})
    finished(run, "a", "b")
    clear_saved()
    assert run.folder.exists()  # not even published
    for name in "ab":
        run.publish(name, to=project / "data" / name)
    run.published()
    clear_saved()
    assert run.has("a")
    for file in (project / "data").glob("[ab]/*"):
        content = file.read_bytes()
        name = hashlib.md5(content).hexdigest()
        place = project / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
        assert run.folder.exists()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        clear_saved()
    assert not run.folder.exists()
    assert (project / "data" / "a" / "layer.npy").exists()


def test_where_one_needs_the_others_all_are_forgotten(project: Path) -> None:
    run = Cells("embed", {})
    finished(run, "a", "b")
    run.forget_damaged()
    assert run.has("a")
    run.path("b", "meta.json").write_text("[]")
    run.forget_damaged()
    assert run.folder.is_dir()
    assert not list(run.folder.iterdir())


def test_a_link_in_place_of_a_file_is_not_what_was_written(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("same")
    write_manifest(tmp_path / "one")
    assert is_whole(tmp_path / "one")
    (tmp_path / "one").unlink()
    (tmp_path / "one").symlink_to(tmp_path / "two")
    assert not is_whole(tmp_path / "one")


@pytest.mark.parametrize(
    ("edited", "content", "stand"),
    [
        ("params.yaml", "seed: 0\nembed: {a: 2}\nestimate: {b: 1}\n", True),
        ("src/pack/two.py", "3\n", False),
        ("data/in/a.npy", "abd", False),
        ("data/in/b.npy", "", False),
        ("data/one.json", "12", False),
    ],
)
def test_an_edit_during_a_stage_ends_it(
    project: Path, edited: str, content: str, stand: bool
) -> None:
    with (
        pytest.raises(InputsChangedError, match="changed while embed ran") as caught,
        unchanged("embed"),
    ):
        (project / edited).write_text(content)
    assert caught.value.cells_stand is stand
    with unchanged("embed"):  # what is there now is the new state
        pass


def test_a_small_file_of_the_same_size_and_time_is_another_by_its_content(project: Path) -> None:
    file = project / "data" / "one.json"
    seen = file.stat()
    with pytest.raises(InputsChangedError, match=r"data/one\.json changed"), unchanged("embed"):
        file.write_text("2")
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def test_what_a_stage_does_not_depend_on_may_be_edited(project: Path) -> None:
    with unchanged("embed"):
        (project / "params.yaml").write_text("# a word\nestimate: {b: 2}\nembed: {a: 1}\nseed: 0")
        (project / "src" / "pack" / "notes.txt").touch()
        (project / "data" / "out.npy").touch()


def test_cells_have_the_code_that_was_loaded_and_go_where_it_was_edited(project: Path) -> None:
    before = Cells("embed", {}).key
    with pytest.raises(InputsChangedError), unchanged("embed"):
        (project / "src" / "pack" / "two.py").write_text("3\n")
        run = Cells("embed", {})
        assert run.key == before
        write_json(run.path("cell.json"), 1)
    forget_opened()
    assert not run.folder.exists()
    assert Cells("embed", {}).key != before
