"""Arrays, tables and cells on disk: whole or not there, and refused by name when damaged."""

import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lm_geometry.workspace import cells, hashes, machine
from lm_geometry.workspace.arrays import array_folder, read_array, read_meta
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.files import free_space, read_json, whole_file, whole_folder, write_json
from lm_geometry.workspace.tables import read_table, write_table
from tests.structure import ROOT

SHAPES = {"layer-00.npy": (5, 3), "layer-01.npy": (5, 4)}


def write_arrays(folder: Path, shapes: dict[str, tuple[int, ...]] = SHAPES) -> None:
    with array_folder(folder, shapes, {"tokens": 5}) as arrays:
        for number, array in enumerate(arrays.values()):
            array[:] = np.arange(array.size).reshape(array.shape) + number


def test_arrays_come_back_as_written_with_their_record(tmp_path: Path) -> None:
    write_arrays(tmp_path / "cell")
    read = read_array(tmp_path / "cell", "layer-01.npy")
    np.testing.assert_array_equal(read, np.arange(20, dtype=np.float32).reshape(5, 4) + 1)
    assert not read.flags.writeable
    meta = read_meta(tmp_path / "cell")
    assert meta == {
        "arrays": {"layer-00.npy": [5, 3], "layer-01.npy": [5, 4]},
        "dtype": "float32",
        "tokens": 5,
    }


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with array_folder(tmp_path / "cell", SHAPES, {}) as arrays:
            arrays["layer-00.npy"][:] = 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_error_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"new": float("nan")})
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_kill_in_the_middle_leaves_nothing_at_the_place(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "from lm_geometry.workspace.arrays import array_folder\n"
        "with array_folder(Path(sys.argv[1]), {'a.npy': (1000, 10), 'b.npy': (9, 9)}, {}) as a:\n"
        "    a['a.npy'][:500] = 1\n"
        "    a['a.npy'].flush()\n"
        "    print('half', flush=True)\n"
        "    time.sleep(60)\n"
    )
    place = tmp_path / "cell"
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(place)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert not place.exists()
    with pytest.raises(FileNotFoundError, match=r"cell/meta\.json is missing: `dvc repro`"):
        read_array(place, "a.npy")
    write_arrays(place)  # what the kill left is in nobody's way
    assert read_array(place, "layer-00.npy").shape == (5, 3)


@pytest.mark.parametrize("kept", [0, 3, 40, 150])
def test_a_truncated_array_is_refused_by_name(tmp_path: Path, kept: int) -> None:
    write_arrays(tmp_path / "cell")
    file = tmp_path / "cell" / "layer-00.npy"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"cell/layer-00\.npy is damaged"):
        read_array(tmp_path / "cell", "layer-00.npy")


def test_arrays_that_are_not_what_is_recorded_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "cell"
    write_arrays(folder)
    np.save(folder / "layer-00.npy", np.zeros((4, 3), dtype=np.float32))
    with pytest.raises(ValueError, match=r"layer-00\.npy is float32 \(4, 3\).*says \[5, 3\]"):
        read_array(folder, "layer-00.npy")
    np.save(folder / "layer-00.npy", np.zeros((5, 3)))
    with pytest.raises(ValueError, match=r"layer-00\.npy is float64"):
        read_array(folder, "layer-00.npy")
    (folder / "layer-01.npy").unlink()
    with pytest.raises(ValueError, match=r"layer-01\.npy is damaged"):
        read_array(folder, "layer-01.npy")
    with pytest.raises(ValueError, match=r"has no layer-07\.npy; it has layer-00\.npy, layer-01"):
        read_array(folder, "layer-07.npy")


class Payload:
    """Runs a command where a pickle of it is read."""

    def __init__(self, leaves: Path) -> None:
        self.leaves = leaves

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.leaves}",)


@pytest.mark.parametrize("within", [True, False])
def test_a_pickle_in_place_of_an_array_is_refused_and_not_run(tmp_path: Path, within: bool) -> None:
    folder, file = tmp_path / "cell", tmp_path / "cell" / "layer-00.npy"
    write_arrays(folder)
    payload = Payload(tmp_path / "was-run")
    if within:
        np.save(file, np.array([payload], dtype=object), allow_pickle=True)
    else:
        file.write_bytes(pickle.dumps(payload))
    with pytest.raises(ValueError, match=r"layer-00\.npy is damaged"):
        read_array(folder, "layer-00.npy")
    assert not payload.leaves.exists()
    np.load(file, allow_pickle=True)
    assert payload.leaves.exists()  # what reading it as a pickle would have done


def test_a_folder_without_its_record_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "cell")
    (tmp_path / "cell" / "meta.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"meta\.json is missing"):
        read_array(tmp_path / "cell", "layer-00.npy")
    (tmp_path / "cell" / "meta.json").write_text('{"arrays": ')
    with pytest.raises(ValueError, match=r"meta\.json is damaged"):
        read_array(tmp_path / "cell", "layer-00.npy")


def test_a_new_folder_replaces_the_old_one_whole(tmp_path: Path) -> None:
    write_arrays(tmp_path / "cell")
    write_arrays(tmp_path / "cell", {"layer-09.npy": (2, 2)})
    there = sorted(file.name for file in (tmp_path / "cell").iterdir())
    assert there == ["layer-09.npy", "meta.json"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("cached")
    os.link(tmp_path / "cache", tmp_path / "out")
    with whole_file(tmp_path / "out") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "cache").read_text() == "cached"
    assert (tmp_path / "out").read_text() == "new"


def test_disk_need_is_told_and_refused_before_writing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    free_space(2_000_000, tmp_path, "hidden states")
    assert "hidden states: 2.0 MB on disk" in capsys.readouterr().out
    needed = shutil.disk_usage(tmp_path).total * 2
    with pytest.raises(OSError, match=f"hidden states needs {needed:,} bytes"):
        free_space(needed, tmp_path, "hidden states")


def test_a_table_gives_the_same_bytes_and_the_same_values(tmp_path: Path) -> None:
    table = pd.DataFrame({"corpus": ["a", "b"], "value": [0.1, np.nan], "row": [3, 2**40]})
    write_table(tmp_path / "one.parquet", table)
    write_table(tmp_path / "two.parquet", table.copy().set_index(pd.Index([7, 9])))
    one, two = ((tmp_path / f"{name}.parquet").read_bytes() for name in ("one", "two"))
    assert one == two
    read = read_table(tmp_path / "one.parquet", ["row", "corpus"])
    assert read["row"].tolist() == [3, 2**40]
    assert read["corpus"].tolist() == ["a", "b"]


def test_tables_that_cannot_be_used_are_refused_by_name(tmp_path: Path) -> None:
    place = tmp_path / "t.parquet"
    with pytest.raises(FileNotFoundError, match=r"t\.parquet is missing: `dvc repro`"):
        read_table(place)
    write_table(place, pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match=r"t\.parquet has no column \['b'\]; it has \['a'\]"):
        read_table(place, ["a", "b"])
    place.write_bytes(place.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"t\.parquet is damaged"):
        read_table(place)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a stage `embed` of two code files, and a scratch folder of its own."""
    root = tmp_path / "project"
    (root / "src" / "pack").mkdir(parents=True)
    (root / "src" / "one.py").write_text("1\n")
    (root / "src" / "pack" / "two.py").write_text("2\n")
    deps = ["src/one.py", "src/pack", "data/in", "catalogue/x.yaml"]
    lines = "".join(f"      - {dep}\n" for dep in deps)
    (root / "dvc.yaml").write_text(f"stages:\n  embed:\n    cmd: x\n    deps:\n{lines}")
    monkeypatch.setattr(hashes, "ROOT", root)
    monkeypatch.setattr(machine, "ROOT", root)
    return root


def test_a_cell_key_changes_with_everything_that_it_depends_on(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = {"embed": {"layers": [1, 2], "max_length": 8}, "corpus": "abc"}
    first = Cells("embed", inputs)
    same = {"corpus": "abc", "embed": {"max_length": 8, "layers": [1, 2]}}
    assert Cells("embed", same).key == first.key
    assert first.folder.is_relative_to(stage / ".scratch")
    keys = [first.key]
    keys.append(Cells("embed", inputs | {"corpus": "abd"}).key)
    keys.append(Cells("embed", inputs | {"embed": {"layers": [2, 1], "max_length": 8}}).key)
    (stage / "src" / "pack" / "two.py").write_text("3\n")
    keys.append(Cells("embed", inputs).key)
    (stage / "src" / "pack" / "two.py").rename(stage / "src" / "pack" / "three.py")
    keys.append(Cells("embed", inputs).key)
    monkeypatch.setattr(cells, "library_versions", lambda: {"torch": "0"})
    keys.append(Cells("embed", inputs).key)
    assert len(set(keys)) == len(keys)


def test_a_finished_cell_is_published_by_link_with_its_record_last(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Cells("embed", {})
    write_arrays(run.path("cell"))
    write_json(run.path("cell.json"), {"a": 1})
    with pytest.raises(FileNotFoundError, match="this cell is not finished"):
        run.publish("cell", to=stage / "data" / "cell")
    run.finish("cell")
    run.finish("cell.json")
    order: list[str] = []
    link = os.link

    def recorded(source: Path, target: Path) -> None:
        order.append(source.name)
        link(source, target)

    monkeypatch.setattr(os, "link", recorded)
    run.publish("cell", to=stage / "data" / "cell")
    run.publish("cell.json", to=stage / "data" / "other.json")
    assert sorted(order[:2]) == ["layer-00.npy", "layer-01.npy"]
    assert order[2:] == ["meta.json", "cell.json"]
    published = stage / "data" / "cell" / "layer-00.npy"
    assert published.stat().st_ino == run.path("cell", "layer-00.npy").stat().st_ino
    run.clear()
    assert not run.folder.exists()
    assert read_array(stage / "data" / "cell", "layer-00.npy").shape == (5, 3)
    assert read_json(stage / "data" / "other.json") == {"a": 1}
    with pytest.raises(FileNotFoundError, match="this cell is not finished"):
        run.publish("cell", to=stage / "data" / "cell")


def test_where_links_are_impossible_cells_are_copied(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("cross-device link")

    run = Cells("embed", {})
    write_json(run.path("cell.json"), {"a": 1})
    run.finish("cell.json")
    monkeypatch.setattr(os, "link", refuse)
    run.publish("cell.json", to=stage / "data" / "cell.json")
    assert read_json(stage / "data" / "cell.json") == {"a": 1}
    assert [file.name for file in (stage / "data").iterdir()] == ["cell.json"]


def test_a_queued_experiment_shares_the_scratch_folder_of_its_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    monkeypatch.setattr(machine, "ROOT", project / ".dvc" / "tmp" / "exps" / "tmpabc")
    assert machine.scratch() == project / ".scratch"
    monkeypatch.setattr(machine, "ROOT", project)
    assert machine.scratch() == project / ".scratch"


def test_hashes_tell_apart_names_and_contents(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name / "sub").mkdir(parents=True)
    (tmp_path / "one" / "a").write_text("x")
    (tmp_path / "two" / "a").write_text("y")
    (tmp_path / "three" / "sub" / "a").write_text("x")
    found = {hashes.path_hash(tmp_path / name) for name in ("one", "two", "three")}
    assert len(found) == 3
    with pytest.raises(FileNotFoundError, match="nothing is missing"):
        hashes.path_hash(tmp_path / "nothing")
    with whole_folder(tmp_path / "again") as temporary:
        (temporary / "a").write_text("x")
    assert hashes.path_hash(tmp_path / "again") == hashes.path_hash(tmp_path / "one")
