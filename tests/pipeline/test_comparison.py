"""What editors read from DVC, and the tables of any revision."""

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import lm_geometry
from lm_geometry.aggregate.tables import ALL
from lm_geometry.figures.export import NAMES
from lm_geometry.plot_pages.templates import BY_REVISION
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT
from tests.toy_run import SAME, dvc, dvc_json, git, toy_run

pytestmark = pytest.mark.pipeline  # DVC runs, if only a quick stage

STEPS = ["step-40", "step-80"]
FIGURES = {f"plots/{name}.json" for name in NAMES} | set(BY_REVISION)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the experiments step-40 and step-80, made by the documented lines."""
    folder = toy_run(tmp_path_factory.mktemp("toy") / "clone")
    for step in (40, 80):
        dvc(folder, "exp", "run", "-n", f"step-{step}", "-S", f"aggregate.checkpoint={step}")
    git(folder, "tag", "published")
    return folder


def test_plots_of_two_experiments_load_without_an_error(toy: Path) -> None:
    options = ["-o", str(toy / "out"), "--split"]  # as the VS Code extension asks
    found = dvc_json(toy, "plots", "diff", *STEPS, *options)
    assert found.get("errors", []) == []
    assert set(found["data"]) == FIGURES
    for name, plots in found["data"].items():
        assert [plot["type"] for plot in plots] == ["vega"], name
        (plot,) = plots
        assert plot["revisions"] == STEPS
        records: Any = plot["anchor_definitions"]["<DVC_METRIC_DATA>"]
        revisions = {record["rev"] for record in _records(records)}
        assert revisions == set(STEPS), name


def _records(text: Any) -> list[dict[str, Any]]:
    return json.loads(text) if isinstance(text, str) else text


def test_plots_of_the_workspace_load_without_an_error(toy: Path) -> None:
    found = dvc_json(toy, "plots", "show", "-o", str(toy / "out"))
    assert found.get("errors", []) == []
    assert set(found["data"]) == FIGURES


def test_parameters_and_metrics_load_and_differ_where_they_should(toy: Path) -> None:
    changed = dvc_json(toy, "params", "diff", *STEPS)
    assert changed == {"params.yaml": {"aggregate.checkpoint": {"old": 40, "new": 80, "diff": 40}}}
    changed = dvc_json(toy, "metrics", "diff", *STEPS)
    difference = changed["metrics/summary.json"]["difference_of_differences.mean"]
    assert difference["diff"] == pytest.approx(-1.0)
    shown = dvc_json(toy, "metrics", "show")
    assert "error" not in str(shown)


def test_the_table_of_experiments_loads_without_an_error(toy: Path) -> None:
    rows = dvc_json(toy, "exp", "show")
    assert all(row.get("error") is None for row in rows)
    names = [e["name"] for row in rows for e in row.get("experiments") or []]
    assert sorted(names) == STEPS
    for row in rows:
        params = row["data"]["params"]["params.yaml"]
        assert "error" not in params
        assert set(params["data"]) == set(read_yaml(ROOT / "params.yaml"))
    experiment = rows[1]["experiments"][0]["revs"][0]["data"]
    assert experiment["metrics"]["metrics/summary.json"]["data"]["points"] == 9000


def test_the_states_of_stages_and_data_load_without_an_error(toy: Path) -> None:
    found = dvc_json(toy, "data", "status", "--granular", "--unchanged")
    assert set(found) == {"unchanged"}, "the last experiment lies in the workspace, whole"
    assert {f"plots/{name}.json" for name in NAMES} <= set(found["unchanged"])
    assert dvc(toy, "stage", "list", "--name-only").split() == ["aggregate"]


def test_the_documented_columns_tell_the_experiments_apart(toy: Path) -> None:
    text = (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("dvc exp show --no-pager"))
    printed = dvc(toy, *shlex.split(line, comments=True)[1:])
    header = [cell.strip() for cell in printed.splitlines()[0].strip("|").split("|")]
    assert "aggregate.checkpoint" in header
    assert any(name == "difference_of_differences.mean" for name in header)
    assert not any(name.startswith(("made", "make.py", "data", "plots")) for name in header)
    assert not any(name.endswith(("lower", "upper")) for name in header)
    assert len(header) <= 6


def test_tables_of_an_experiment_a_tag_and_the_workspace(toy: Path) -> None:
    expected = {"step-40": 40, "step-80": 80, "published": 80, None: 80}
    for rev, checkpoint in expected.items():
        tables = lm_geometry.results(rev, root=toy)
        assert list(tables) == list(ALL)
        for name, table in tables.items():
            assert list(table) == ALL[name]
            others = [column for column in ALL[name] if column not in SAME]
            assert table[others].iloc[0].tolist() == [checkpoint] * len(others)


def test_an_unknown_revision_is_named(toy: Path) -> None:
    with pytest.raises(ValueError, match="no revision or experiment 'step-400'; `dvc exp list"):
        lm_geometry.results("step-400", root=toy)


def test_tables_that_are_nowhere_are_named_and_come_from_the_remote(toy: Path) -> None:
    rev = git(toy, "rev-parse", "refs/tags/published").strip()
    cache = toy / ".dvc" / "cache"
    shutil.copytree(cache, toy.parent / "kept")
    shutil.rmtree(cache)
    shutil.rmtree(toy / "data" / "tables")
    try:
        with pytest.raises(FileNotFoundError, match=f"data/tables/.* of {rev[:5]}.* `dvc pull`"):
            lm_geometry.results(rev, root=toy)
        remote = toy.parent / "lm-geometry-remote" / "files"
        shutil.copytree(toy.parent / "kept" / "files", remote)
        assert list(lm_geometry.results(rev, root=toy)) == list(ALL)
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(toy.parent / "kept", cache)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of zmq's sockets
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_notebook_reads_published_tables_alone(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.nb?", "*.egg-info")
    shutil.copytree(ROOT / "src", toy / "src", ignore=ignored)  # the project of the code is the toy
    monkeypatch.setenv("PYTHONPATH", str(toy / "src"))
    monkeypatch.setenv("LM_GEOMETRY_REVISIONS", " ".join(STEPS))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    notebook = nbformat.read(ROOT / "examples" / "revisions.ipynb", as_version=4)
    done = NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [out for cell in done.cells for out in cell.get("outputs", [])]
    printed = "".join(out["text"] for out in outputs if out["output_type"] == "stream")
    assert [line.split(":")[0] for line in printed.splitlines()] == STEPS
    assert "means 1" in printed
    shown = [out["data"] for out in outputs if "data" in out]
    assert sum("image/png" in data for data in shown) == 1
    means = next(data["text/plain"] for data in shown if "text/plain" in data)
    assert "step-40" in means
    assert "40.0" in means
    assert "80.0" in means


def test_the_module_and_the_function_do_not_collide() -> None:
    assert "lm_geometry.results" not in sys.modules
    assert callable(lm_geometry.results)
