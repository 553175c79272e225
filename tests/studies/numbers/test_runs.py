"""Numbers over runs: how firm a change is over all layers, how large, how far noise moved."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.observables.hausdorff import hausdorff
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import Estimated, write_index
from lm_geometry.outs.token_sample import clouds
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.report import write as report
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE
from tests.study_runs import ALONE, CHANGES, run_of, study


def numbers(number: int, changes: dict[int, list[float]] = CHANGES, **figure: Any) -> pd.DataFrame:
    """What a figure shows of that many runs, by corpus and layer."""
    asked = study(**figure)
    collected = [run_of(one, changes) for one in range(number)]
    table = runs.over_runs(runs.rows_of(asked.figures[0], asked, collected), asked.figures[0])
    return table.set_index(["corpus", "layer"])


def points_of(picture: str) -> tuple[list[float], list[float]]:
    """Places on the axis of a picture's full points, and of its hollow ones."""
    marks = re.findall(
        r'<g class="mark-symbol role-mark[^>]*[^/]>.*?</g>', picture, flags=re.DOTALL
    )
    place = re.compile(r'translate\(([-\d.]+),[^>]*?fill="([^"]+)"')
    found = [(float(x), fill) for x, fill in place.findall("".join(marks))]
    hollow = [x for x, fill in found if fill == "white"]
    return [x for x, fill in found if fill != "white"], hollow


def test_over_runs_the_p_value_is_students_and_the_effect_is_in_their_deviations() -> None:
    found = numbers(3)
    for layer, means in CHANGES.items():
        row = found.loc[("a", layer)]
        assert row["p_value"] == pytest.approx(stats.ttest_1samp(means, 0).pvalue)
        assert row["effect"] == pytest.approx(np.mean(means) / np.std(means, ddof=1))
        assert (row["lower"] > 0 or row["upper"] < 0) == (row["p_value"] < 0.05)  # same as the bar


def test_p_values_are_adjusted_over_the_layers_of_one_corpus() -> None:
    found = numbers(3)
    for corpus in ("a", "b"):
        own = found.loc[corpus]
        expected = stats.false_discovery_control(own["p_value"], method="bh")
        np.testing.assert_allclose(own["adjusted_p_value"], expected)
    assert (found["adjusted_p_value"] > found["p_value"]).any()


def test_layers_that_are_not_shown_count_too() -> None:
    every, shown = numbers(3), numbers(3, x="finetune.seed", layers="shown")
    assert list(every.index.unique("layer")) == [1, 2, 3]
    assert set(shown.index.unique("layer")) == {3}
    # Each run alone, so these are the pipeline's own p values of three layers, not of one.
    shown = shown.sort_index()
    np.testing.assert_allclose(shown.loc[("a", 3), "p_value"], 0.045)
    expected = stats.false_discovery_control(list(ALONE.values()))[2]
    np.testing.assert_allclose(shown.loc[("a", 3), "adjusted_p_value"], expected)
    assert set(numbers(3, x="finetune.seed", layers="all").index.unique("layer")) == {1, 2, 3}


def test_of_one_run_both_are_those_of_its_own_table() -> None:
    found = numbers(1)
    assert found.loc["a", "p_value"].to_dict() == ALONE
    assert set(found["effect"]) == {7.0}
    differences = numbers(1, value="difference")  # whose table has neither here
    assert differences["p_value"].isna().all()
    assert "effect" not in differences
    assert "p_value" not in numbers(3, value="dimension")


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_runs_that_are_all_alike_test_nothing(value: float) -> None:
    row = numbers(3, CHANGES | {1: [value] * 3}).loc[("a", 1)]  # 0.1 is not the mean of three 0.1
    assert np.isnan([row["p_value"], row["adjusted_p_value"], row["effect"]]).all()
    others = numbers(3, {layer: CHANGES[layer] for layer in (2, 3)})
    among = numbers(3, CHANGES | {1: [value] * 3})
    expected = others.loc[("a", 2), "adjusted_p_value"]  # as if the layer were not there
    assert among.loc[("a", 2), "adjusted_p_value"] == pytest.approx(expected)


def test_points_that_are_not_firm_are_hollow_and_the_page_has_the_numbers(tmp_path: Path) -> None:
    changes = CHANGES | {4: [0.0, 0.0, 0.0]}
    report.write_report("s", study(), [run_of(one, changes) for one in range(3)], tmp_path)
    picture = (tmp_path / "s" / "change_by_layer.svg").read_text()
    full, hollow = points_of(picture)
    assert len(full) == 2  # by the table: layer 1 alone, where all runs agree
    assert len(hollow) == 6
    assert max(full) < min(hollow)
    assert "Hollow: not firm once all layers are counted" in picture
    page = (tmp_path / "s" / "README.md").read_text()
    text = re.sub(" +", " ", page)
    assert "| corpus | mean | lower | upper | p_value | adjusted_p_value | effect | runs |" in text
    assert "| a | 0 | 0 | 0 | nan | nan | nan | 3 |" in text
    table = pd.read_csv(tmp_path / "s" / "change_by_layer.csv")
    firm = table[table["adjusted_p_value"] <= 0.05]
    assert list(firm["layer"]) == [1, 1]


def test_what_the_interval_is_over_is_said_alike_in_table_and_figure(tmp_path: Path) -> None:
    report.write_report("s", study(), [run_of(0, CHANGES)], tmp_path)
    over = set(pd.read_csv(tmp_path / "s" / "change_by_layer.csv")["over"])
    assert over == {"documents and 3 clouds"}
    assert f"over its {over.pop()};" in (tmp_path / "s" / "change_by_layer.svg").read_text()


def test_hollow_means_base_in_figures_of_the_dimension(tmp_path: Path) -> None:
    asked = study(value="dimension")
    report.write_report("s", asked, [run_of(one, CHANGES) for one in range(3)], tmp_path)
    picture = (tmp_path / "s" / "dimension_by_layer.svg").read_text()
    assert "Hollow" not in picture
    full, hollow = points_of(picture)
    assert (len(full), len(hollow)) == (6, 0)  # all of it is fine-tuned, firm or not


def test_another_reading_has_a_figure_of_its_own_numbers(tmp_path: Path) -> None:
    one = run_of(0, CHANGES)
    changes = one.tables["changes"]
    beside = changes.assign(exclude="document", mean=changes["mean"] - 7)
    means = pd.concat([one.tables["means"], one.tables["means"].assign(exclude="document")])
    tables = one.tables | {"means": means, "changes": pd.concat([changes, beside])}
    both = replace(one, tables=tables)
    report.write_report("s", study(), [both], tmp_path)
    report.write_report("t", study(exclude="document"), [both], tmp_path)
    shown, other = (
        pd.read_csv(tmp_path / path)
        for path in ("s/change_by_layer.csv", "t/change_by_layer_exclude_document.csv")
    )
    np.testing.assert_allclose(other["mean"], shown["mean"] - 7)
    pictures = [path.read_text() for path in sorted(tmp_path.glob("*/*.svg"))]
    assert [["all neighbours" in one, "of other documents" in one] for one in pictures] == [
        [True, False],
        [False, True],
    ]
    with pytest.raises(ValueError, match=r"s-0 has no reading token: estimate.exclude is \['none'"):
        report.write_report("u", study(exclude="token"), [both], tmp_path)


def test_panels_with_axes_of_their_own_end_where_their_numbers_do(tmp_path: Path) -> None:
    large = {layer: [values[0], 100 * values[1]] for layer, values in CHANGES.items()}
    two = [run_of(0, CHANGES), run_of(1, large)]
    heights = {}
    for scale in ("shared", "own"):
        asked = study(panels=["finetune.seed"], y_scale=scale)
        report.write_report(scale, asked, two, tmp_path)
        picture = (tmp_path / scale / "change_by_layer.svg").read_text()
        heights[scale] = [float(y) for y in re.findall(r">[−-]?(\d+)</text>", picture)].count(100)
    assert heights == {"shared": 2, "own": 1}


@pytest.mark.parametrize("paper", [False, True])
def test_the_noisy_cloud_is_the_one_that_was_estimated(project: Path, paper: bool) -> None:
    cloud = clouds.Cloud("base", CorpusSplit("a", "test"), 3, 42)
    index = {"seeds": [42], "noise": 0.5, "noise_seed": 7, "paper": paper}
    write_json(clouds.INDEX, index)
    states = paths.cell(paths.HIDDEN_STATES, "base", "a", "test")
    generator = np.random.default_rng(0)
    with array_folder(states, {"layer-03.npy": (30, 4)}, {}) as arrays:
        arrays["layer-03.npy"][:] = generator.normal(size=(30, 4))
    write_array(cloud.file, np.arange(29, 4, -1))
    embedded = Embedded(["base"], [cloud.split], [3], depth=4)
    write_index(Estimated(embedded, [42], ["twonn"], [64], "i/n", ["none"], [0]))
    clean, noisy = clouds.read_clean_cloud(cloud)[0], clouds.read_cloud(cloud)[0]
    assert 0.4 < np.std(noisy - clean) < 0.6
    collected: Any = SimpleNamespace(revision=WORKSPACE, layer=3)
    (row,) = runs.distances(collected).to_dict("records")
    assert row == {"checkpoint": "base", "corpus": "a", "split": "test", "layer": 3} | {
        "hausdorff": hausdorff(clean, noisy).distance
    }
