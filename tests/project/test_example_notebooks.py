"""The notebooks run from their first cell to their last, draw figures, and are kept without output.

They are run on made-up tables, and on the published arrays where LM_GEOMETRY_REFERENCE names them.
"""

import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.structure import ROOT

NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
FIGURES = {"model_comparison": 8, "shuffle_experiment": 6}
OF_REVISIONS = "revisions"  # reads the tables of a DVC project: tests/pipeline/test_comparison.py
REFERENCE = os.environ.get("LM_GEOMETRY_REFERENCE", "")

pytestmark = [
    # Of zmq's sockets and the kernel's streams, when a kernel is shut down.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def _outputs(path: Path, monkeypatch: pytest.MonkeyPatch, reference: str) -> list[Any]:
    """Every output of the notebook, run in a kernel of its own."""
    monkeypatch.delenv("LM_GEOMETRY_TABLES", raising=False)
    monkeypatch.setenv("LM_GEOMETRY_REFERENCE", reference)
    places = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(path, as_version=4)
    beside = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=beside)
    done = client.execute()
    return [out for cell in done.cells for out in cell.get("outputs", [])]


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem != OF_REVISIONS], ids=lambda path: path.stem
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


def test_every_notebook_is_counted() -> None:
    assert {path.stem for path in NOTEBOOKS} == {*FIGURES, OF_REVISIONS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_output(path: Path) -> None:
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
