"""Pages say what committed results say, and a template cannot take another row than it means."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import write_sentences as writing
from committed_results import CommittedResults
from scipy import stats

from tests.structure import ROOT

RESULTS = CommittedResults()
BUNDLED = ROOT / "studies" / "results" / "finetuning_shift_bundled"
CELL = {"name": "smollm2", "layer": 20, "estimator": "twonn", "n_neighbors": 128, "checkpoint": 80}


def test_pages_say_what_the_results_say() -> None:
    command = [sys.executable, "docs/write_sentences.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_typed_number_is_found_and_put_right() -> None:
    templates = writing.environment(RESULTS, ROOT / "docs" / "sentences")
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = writing.number(float(RESULTS.summary("difference_of_differences.mean")))
    assert page.count(f"a difference of {shown}, 95 % interval") == 1
    typed = page.replace(f"a difference of {shown}", "a difference of −7.31")
    assert writing.filled(typed, templates) == page


def test_every_template_is_on_a_page_and_every_block_has_its_template() -> None:
    used = [name for page in writing.pages() for name in writing.blocks(page.read_text())]
    there = sorted(path.name for path in (ROOT / "docs" / "sentences").iterdir())
    assert sorted(used) == there
    for page in writing.pages():  # a block that does not end would be passed over
        text = page.read_text(encoding="utf-8")
        starts = text.count("<!-- from docs/sentences/")
        assert starts == text.count("<!-- end -->") == len(writing.blocks(text)), page


def test_a_selection_of_no_row_or_of_several_is_named() -> None:
    where = CELL | {"exclude": "none"}
    with pytest.raises(ValueError, match=r"bundled, differences, \{.*'name': 'gpt2'.*: no row"):
        RESULTS.result("finetuning_shift_bundled", "differences", **where | {"name": "gpt2"})
    with pytest.raises(ValueError, match=r"bundled, differences, \{.*: 3 rows, not 1"):
        RESULTS.result("finetuning_shift_bundled", "differences", **where)
    with pytest.raises(ValueError, match="no one column is weihgts; there are corpus, split"):
        RESULTS.rows("untrained_control", "differences", weihgts="random")
    with pytest.raises(KeyError, match=r"summary\.json has no difference_of_differences\.median"):
        RESULTS.summary("difference_of_differences.median")


def test_a_column_is_found_by_its_name_or_the_last_part_of_it() -> None:
    table = pd.read_parquet(ROOT / "studies/results/untrained_control/means.parquet")
    chosen = (table["model.weights"] == "random") & (table["layer"] == 20)
    chosen &= (table["checkpoint"] == "base") & (table["corpus"] == "encyclopaedia")
    if "exclude" in table:
        chosen &= (table["exclude"] == "none") & (table["estimator"] == "twonn")
        chosen &= table["n_neighbors"] == 128
    where = {"corpus": "encyclopaedia", "checkpoint": "base", "layer": 20, "n_neighbors": 128}
    found = RESULTS.result(
        "untrained_control", "means", weights="random", estimator="twonn", exclude="none", **where
    )
    assert found["mean"] == table.loc[chosen, "mean"].item()


def test_intervals_over_runs_are_students_and_adjusted_over_layers() -> None:
    table = pd.read_parquet(BUNDLED / "differences.parquet")
    chosen = (table["model.name"] == "smollm2") & (table["checkpoint"] == "80")
    chosen &= (table["estimator"] == "twonn") & (table["n_neighbors"] == 128)
    if "exclude" in table:
        chosen &= table["exclude"] == "none"
    by_layer = {
        layer: cell["mean"].to_numpy() for layer, cell in table.loc[chosen].groupby("layer")
    }
    where = {name: value for name, value in CELL.items() if name != "layer"}
    found = RESULTS.by_layer("finetuning_shift_bundled", "differences", exclude="none", **where)
    assert [row["layer"] for row in found] == list(by_layer)
    p_values = [stats.ttest_1samp(means, 0).pvalue for means in by_layer.values()]
    adjusted = stats.false_discovery_control(p_values)
    for row, means, p_value in zip(found, by_layer.values(), adjusted, strict=True):
        bounds = stats.t.interval(0.95, 2, means.mean(), stats.sem(means))
        assert row["adjusted_p_value"] == pytest.approx(p_value, rel=1e-9)
        assert (row["lower"], row["upper"]) == pytest.approx(bounds, rel=1e-9)


def with_readings(root: Path) -> None:
    """Copies what is committed, as it looks once every table has two readings."""
    for name in ("params.yaml", "metrics", "studies/results", "benchmarks", "docs/gallery.json"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, root / name)
    path = root / "metrics" / "summary.json"
    summary = json.loads(path.read_text()) | {
        "published": {"difference_of_differences": {"mean": -8.765}}
    }
    path.write_text(json.dumps(summary))
    for path in root.glob("studies/results/*/*.parquet"):
        table = pd.read_parquet(path)
        if path.stem in ("means", "changes", "differences") and "exclude" not in table:
            numbers = {name: table[name] + 1 for name in ("mean", "lower", "upper")}
            both = [table.assign(exclude="document", **numbers), table.assign(exclude="none")]
            pd.concat(both).to_parquet(path, index=False)


def test_the_published_reading_stands_beside_the_shown_one(tmp_path: Path) -> None:
    with_readings(tmp_path)
    row = {"layer": 20, "exclude": "document", "change": "early-speeches", "spread": 0.3}
    row |= {"error": 0.31, "coverage": 0.957, "coverage_error": 0.01, "samples": 400}
    row |= {"of_new_documents": 0.961}
    (tmp_path / "benchmarks" / "interval_coverage.json").write_text(json.dumps([row]))
    templates = writing.environment(CommittedResults(tmp_path), ROOT / "docs" / "sentences")
    made = {name: templates.get_template(name).render() for name in templates.list_templates()}
    assert "own document do not count; where all do, as published, the difference is −8.77" in (
        made["headline.md"].replace("\n", " ")
    )
    for name in ("neighbours.md", "results-fine-tuning.md", "results-estimate.md"):
        assert "| all, as published |" in made[name]
        assert "| not of the own document |" in made[name]
    assert (
        "| not of the own document | early-speeches | 0.30 | 0.31 | 95.7 ± 1.0 % | 96.1 % | 400 |"
        in (made["coverage.md"])
    )


@pytest.mark.parametrize(
    ("value", "digits", "text", "with_sign"),
    [
        (-1.236, 2, "−1.24", "−1.24"),
        (0.5, 1, "0.5", "+0.5"),
        (-0.004, 2, "0.00", "0.00"),
        (1234.5, 0, "1,234", "+1,234"),
        (np.float64(-6000), 0, "−6,000", "−6,000"),
    ],
)
def test_numbers_have_a_minus_sign(value: float, digits: int, text: str, with_sign: str) -> None:
    assert (writing.number(value, digits), writing.signed(value, digits)) == (text, with_sign)


def test_intervals_lists_and_spans() -> None:
    row = {"mean": -0.905, "lower": -1.237, "upper": -0.5732, "adjusted_p_value": 0.04}
    assert writing.bounded(row) == "−0.91 [−1.24, −0.57]"
    other = row | {"lower": -0.1, "upper": 0.3, "adjusted_p_value": 0.5}
    assert writing.clear([row, other]) == [row]
    assert writing.clear([row, other], 1) == []
    assert writing.firm([row, other]) == [row]
    assert writing.listed([15, 20, 22]) == "15, 20 and 22"
    assert writing.listed([15]) == "15"
    assert writing.listed([]) == "none"
    assert writing.spans([1, 2, 3, 5, 8, 9]) == "1–3, 5, 8–9"
