"""A run ends in its number, the interval, what it is conditional on, and what to type next."""

from typing import Any

import pandas as pd
import pytest

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.params.sections import Params
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.result import LINES, figures_in, result_of_run, result_of_study
from lm_geometry.workspace.section import read_yaml
from lm_geometry.workspace.tree import WORKSPACE
from tests.structure import ROOT

MODEL = ModelSource(
    name="m", label="Model", source="file:m", kind="decoder", layers=30, width=8,
    weights="pretrained", seed=0,
)  # fmt: skip
KEYS = {"split": "test", "level": "token", "estimator": "twonn", "exclude": "document"}
KEYS |= {"n_neighbors": 128.0, "clouds": 1, "points": 6000}


def collected(
    layers: list[int], corpora: str = "ab", trained: bool = True, control: bool = True
) -> Collected:
    """A run whose mean is 10 + layer before, and by 1.25 of it less afterwards on every corpus."""
    rows = [
        KEYS | {"corpus": c, "layer": k, "checkpoint": s, "mean": 10 + k - (s != "base") * 1.25}
        for c in corpora
        for k in layers
        for s in (["base", "80"] if trained else ["base"])
    ]
    means = pd.DataFrame(rows).assign(lower=0.0, upper=99.0)
    changes = means.loc[means["checkpoint"] != "base"].assign(mean=-1.25, lower=-2.0, upper=-0.5)
    differences = changes.loc[changes["corpus"] == "a"].assign(mean=-0.704, control="b")
    tables = {"means": means, "changes": changes, "differences": differences.iloc[: 99 * control]}
    params = Params.of(read_yaml(ROOT / "params.yaml"))
    return Collected(Experiment("x", {}), WORKSPACE, "", "", params, MODEL, tables)


def result(**settings: Any) -> list[str]:
    return result_of_run(collected(**settings), ["f.svg"], ["go on"]).splitlines()


def test_the_difference_of_differences_comes_first_and_says_what_it_hangs_on() -> None:
    lines = result(layers=[12, 20, 30])
    assert lines[0] == "difference of differences, a less b: −0.70 [−2.00, −0.50]"
    assert lines[1] == (
        "  given Model · layer 20 · local TwoNN, CDF i/n · N = 6,000 tokens · L = 128 · "
        "neighbours of other documents · 95% intervals over documents, given this training run"
    )
    assert lines[3].split() == ["corpus", "layer", "base", "80", "change", "interval"]
    assert lines[5].split() == ["a", "20", "30.00", "28.75", "−1.25", "[−2.00,", "−0.50]"]
    assert lines[-2:] == ["figures  f.svg", "next     go on"]


def test_without_a_control_changes_are_the_headline_and_untrained_means() -> None:
    assert result(layers=[20], control=False)[:2] == [
        "change of the mean local dimension, a: −1.25 [−2.00, −0.50]",
        "  change of the mean local dimension, b: −1.25 [−2.00, −0.50]",
    ]
    lines = result(layers=[20], trained=False)
    assert lines[0] == "mean local dimension, a: 30.00 [0.00, 99.00]"
    assert "given this training run" not in "\n".join(lines)
    assert lines[4].split() == ["corpus", "layer", "dimension", "interval"]


@pytest.mark.parametrize("corpora", ["a", "ab", "abcde"])
def test_the_table_has_at_most_twelve_lines_and_the_shown_layer(corpora: str) -> None:
    lines = result(layers=list(range(31)), corpora=corpora)
    table = lines[next(i for i, x in enumerate(lines) if x.split()[:1] == ["corpus"]) : -3]
    assert len(table) <= LINES
    of_layers = {(row.split()[0], row.split()[1]) for row in table[1:]}
    assert {(c, "20") for c in corpora} <= of_layers
    assert len(of_layers) > 5


def test_a_study_ends_in_the_same_text_with_a_row_for_each_experiment() -> None:
    lines = result_of_study(
        "Why?", [collected(layers=[20])] * 30, ["f.svg"], ["go on"]
    ).splitlines()
    assert lines[:2] == ["Why?", "  difference of differences, a less b: −0.70 [−2.00, −0.50]  (x)"]
    assert len(lines) == 2 + 1 + 1 + LINES + 1 + 2
    assert lines[-1] == "next     go on"


def test_nothing_compared_is_said(tmp_path) -> None:
    one = collected(layers=[20])
    empty = {name: table.iloc[:0] for name, table in one.tables.items()}
    none = Collected(one.experiment, WORKSPACE, "", "", one.params, MODEL, empty)
    assert result_of_run(none, [], ["go on"]).splitlines()[0].startswith("no corpus was compared")
    assert figures_in(tmp_path, "plots/svg") == []
    for name in ("a", "b", "c", "dimension_by_layer"):
        (tmp_path / f"{name}.svg").touch()
    named = ["plots/svg/dimension_by_layer.svg", "plots/svg/a.svg", "plots/svg/b.svg"]
    assert figures_in(tmp_path, "plots/svg") == [*named, "and 1 more in plots/svg"]
