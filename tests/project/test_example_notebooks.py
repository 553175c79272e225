"""The notebooks run from their first cell to their last, and draw figures.

Those of tables are run on made-up ones, and on the published arrays where LM_GEOMETRY_REFERENCE
names them; they are kept with the output of the published. Those of a model are run on a tiny one,
and are kept with the output of a real one. That of revisions is kept with the committed study
against `lm-geometry run gentle -S finetune.learning_rate=1e-4`.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import TinyModel
from tests.structure import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
FIGURES = {"model_comparison": 8, "shuffle_experiment": 6}
OF_A_MODEL = {"measure_a_model": 2, "watch_a_training": 1}
OF_REVISIONS = "revisions"  # reads the tables of a DVC project: tests/pipeline/test_comparison.py
REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE", "")

pytestmark = [
    # Of zmq's sockets and the kernel's streams, when a kernel is shut down.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _outputs(path: Path, monkeypatch: pytest.MonkeyPatch, reference: str = "") -> list[Any]:
    """Every output of the notebook, run in a kernel of its own."""
    monkeypatch.delenv("LM_GEOMETRY_TABLES", raising=False)
    monkeypatch.setenv("LM_GEOMETRY_REFERENCE", reference)
    places = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    # What tqdm says where there are no widgets of Jupyter.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore:IProgress not found")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(path, as_version=4)
    beside = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=beside)
    done = client.execute()
    return [out for cell in done.cells for out in cell.get("outputs", [])]


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem in FIGURES], ids=lambda path: path.stem
)
@pytest.mark.parametrize("tables", ["made-up", pytest.param("published", marks=pytest.mark.slow)])
def test_notebooks_run_and_draw(path: Path, tables: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tables == "published" and not REFERENCE:
        pytest.skip("LM_GEOMETRY_REFERENCE does not name the folder of published arrays")
    outputs = _outputs(path, monkeypatch, REFERENCE if tables == "published" else "")
    printed = "".join(out.get("text", "") for out in outputs if out["output_type"] == "stream")
    assert printed.startswith(tables)
    assert [out for out in outputs if out.get("name") == "stderr"] == []
    charts = [out for out in outputs if "image/png" in out.get("data", {})]
    extra = 1 if tables == "made-up" else 0  # angles, and types: not published
    assert len(charts) == FIGURES[path.stem] + extra
    if tables == "published":
        assert _results(outputs) == _results(_kept(path))


@pytest.mark.parametrize("name", OF_A_MODEL)
def test_notebooks_of_a_model_run_and_show_what_they_are_kept_with(
    name: str, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ROOT / "examples" / f"{name}.ipynb"
    monkeypatch.setenv("LM_GEOMETRY_MODEL", str(tiny_models["llama"].folder))
    outputs = _outputs(path, monkeypatch)
    assert [out for out in outputs if out.get("name") == "stderr"] == []
    charts = [out for out in outputs if "image/svg+xml" in out.get("data", {})]
    assert len(charts) == OF_A_MODEL[name]
    assert _results(outputs) == _results(_kept(path))


def _results(outputs: list[Any]) -> list[list[str]]:
    """What each cell that ends in a value shows: a table or a figure."""
    return [sorted(out["data"]) for out in outputs if out["output_type"] == "execute_result"]


def _kept(path: Path) -> list[Any]:
    cells = nbformat.read(path, as_version=4).cells
    return [out for cell in cells for out in cell.get("outputs", [])]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_as_they_ran_from_first_to_last(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    counts = [c["execution_count"] for c in notebook.cells if c["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
    outputs = _kept(path)
    assert {out["output_type"] for out in outputs} == {"stream", "execute_result"}
    assert [out for out in outputs if out.get("name") == "stderr"] == []
    assert not re.search(r"/(home|root|tmp|Users|work)/", json.dumps(notebook))
    assert "made-up tables" not in json.dumps(outputs)


def test_every_notebook_is_counted() -> None:
    assert {path.stem for path in NOTEBOOKS} == {*FIGURES, *OF_A_MODEL, OF_REVISIONS}
