"""What null models leave unexplained, by hand, and from clouds to the table."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.aggregate.differences import Change
from lm_geometry.aggregate.figure_rows import FigureTables
from lm_geometry.aggregate.null_rows import null_rows
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.remainders import Draws, Remainders
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.tables import COLUMNS, make_tables, read_aggregated
from lm_geometry.estimate import run as estimation
from lm_geometry.figures.records import figure_records
from lm_geometry.outs.estimate.clouds import read_estimated
from lm_geometry.statistics import Mean
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from tests.aggregate.test_aggregation import ESTIMATE, write_run

CELL = {"split": "test", "layer": 2, "exclude": "none", "estimator": "twonn", "n_neighbors": 64.0}
KEY = ("test", 2, "token", "none", "twonn", 64.0, None)


def drawn(corpus: str, checkpoint: str, values: list[float]) -> pd.DataFrame:
    own = {"corpus": corpus, "checkpoint": checkpoint, "sampling_seed": 0, "surrogate": "gaussian"}
    table = pd.DataFrame({"draw": range(len(values)), "tokens": values, "documents": 0.0})
    table = table.assign(tokens_again=np.nan, documents_again=np.nan)
    return table.assign(**CELL, **own)


def estimates(corpus: str, checkpoint: str, values: list[float]) -> pd.DataFrame:
    own = {"corpus": corpus, "checkpoint": checkpoint, "sampling_seed": 0}
    table = pd.DataFrame({"value": values, "document": range(len(values))})
    return table.assign(**CELL, **own, row=table["document"])


def rows_of(found: list[dict[str, Any]], of: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    keys = ("corpus", "control", "checkpoint")
    return {tuple(row[key] for key in keys): row for row in found if row["of"] == of}


def test_remainders_by_hand() -> None:
    nulls = {
        ("a", "base"): [20.0, 21.0, 22.5],
        ("a", "10"): [18.0, 19.5, 20.0],
        ("b", "base"): [30.0, 31.0, 29.0],
        ("b", "10"): [30.5, 31.0, 29.5],
    }
    found = Remainders(pd.concat([drawn(*key, v) for key, v in nulls.items()]), "tokens")
    for corpus, checkpoint in nulls:
        found.add(estimates(corpus, checkpoint, [9.0, 11.0, 13.0]))
    changes = {"a": Mean(-3.0, 0.4, 9.0, 50, 10), "b": Mean(-1.0, 0.3, 9.0, 60, 12)}
    by_corpus = {c: {(*KEY, "10"): Change(mean, 0, 0)} for c, mean in changes.items()}
    rows = found.rows(by_corpus, "a", 0.9)
    assert len(rows) == 4 + 2 + 1
    assert set(rows[0]) == set(COLUMNS["remainders"])

    level = rows_of(rows, "mean")["a", "", "base"]
    assert (level["real"], level["surrogate_mean"]) == (11, pytest.approx(63.5 / 3))
    assert level["mean"] == pytest.approx(11 - 63.5 / 3)
    errors = stats.sem([9, 11, 13]), stats.sem(nulls["a", "base"])
    assert level["standard_error"] == pytest.approx(np.hypot(*errors))
    draws = np.array(nulls["a", "base"])
    one_more = stats.ttest_ind([11], draws, equal_var=True).pvalue  # of which one has no spread
    assert level["null_p_value"] == pytest.approx(one_more)
    assert level["adjusted_null_p_value"] == level["null_p_value"]  # of one layer

    steps = np.subtract(nulls["a", "10"], nulls["a", "base"])  # of one draw each
    change = rows_of(rows, "change")["a", "", "10"]
    assert change["real"] == -3
    assert change["surrogate_deviation"] == pytest.approx(steps.std(ddof=1))
    assert change["mean"] == pytest.approx(-3 - steps.mean())
    assert change["standard_error"] == pytest.approx(np.hypot(0.4, stats.sem(steps)))
    assert (change["values"], change["documents"], change["draws"]) == (50, 10, 3)
    assert change["error"] == "clustered and draws"

    others = np.subtract(nulls["b", "10"], nulls["b", "base"])
    difference = rows_of(rows, "difference")["a", "b", "10"]
    assert difference["real"] == -2
    assert difference["mean"] == pytest.approx(-2 - steps.mean() + others.mean())
    parts = [0.4, 0.3, stats.sem(steps), stats.sem(others)]
    assert difference["standard_error"] == pytest.approx(np.linalg.norm(parts))
    assert difference["lower"] < difference["mean"] < difference["upper"]


def test_a_number_is_told_from_draws_of_its_null_model_in_5_percent() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(12, 0.5, (4000, 10 + 1))
    found = np.array([Draws(one[1:]).p_value_of(one[0]) for one in values])
    assert (found < 0.05).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 4000))
    assert Draws(values[0]).p_value_of(16.0) < 0.001
    assert np.isnan(Draws(np.array([3.0, 3.0])).p_value_of(4.0))


def test_documents_that_count_alike_do_so_in_surrogates() -> None:
    found = Remainders(drawn("a", "base", [20.0, 21.0]), "documents")
    found.add(estimates("a", "base", [9.0, 11.0]))
    (row,) = found.rows({}, "a", 0.95)
    assert row["surrogate_mean"] == 0
    assert row["mean"] == 10


def test_from_clouds_to_the_table_and_nothing_without_null_models(project: Any) -> None:
    write_run()
    settings = Aggregate.model_validate({"bootstrap": {"draws": 100}})
    shown = Shown("10", 2, 10.0, "twonn", "test")
    estimation.estimate(ESTIMATE)
    assert "surrogates" not in read_json(paths.ESTIMATES / "index.json")
    assert not list(paths.ESTIMATES.rglob("surrogates.parquet"))
    make_tables("a", settings, shown).write()
    assert not paths.table("remainders").exists()

    nulls = ESTIMATE.surrogates.model_copy(update={"kinds": ["gaussian"], "draws": 4})
    estimation.estimate(ESTIMATE.model_copy(update={"surrogates": nulls}))
    assert read_estimated().surrogates == ["gaussian"]
    tables = make_tables("a", settings, shown)
    tables.write()
    rows = read_aggregated("remainders")
    assert rows.groupby("of").size().to_dict() == {"mean": 48, "change": 24, "difference": 12}
    keys = ["corpus", "exclude", "estimator", "n_neighbors", "checkpoint"]
    for of, table in (("mean", tables.means), ("change", tables.changes)):
        own = rows[rows["of"] == of].merge(table[table["level"] == "token"], on=keys)
        assert len(own) == (rows["of"] == of).sum()
        np.testing.assert_allclose(own["real"], own["mean_y"])
        np.testing.assert_allclose(own["real_lower"], own["lower_y"])
    figure = null_rows(FigureTables(tables, shown, "a", (), 0.95, 10))
    assert len(figure_records("null_models", figure, "")) == len(figure)
    cells = [(row["of"], row["corpus"], row["checkpoint"], row["what"]) for row in figure]
    assert len(cells) == len(set(cells)) == 2 * (2 * 3 + 1)
    assert cells[0] == ("level", "a", "base", "measured")
    assert cells[-1] == ("difference", "a", "10", "null model")
    gaussian = rows[(rows["of"] == "mean") & (rows["estimator"] == "twonn")]
    assert abs(gaussian["mean"].mean()) < 0.15 * gaussian["real"].mean()  # as these clouds are
    assert (gaussian["lower"] < gaussian["mean"]).all()


def test_what_a_second_fit_adds_is_taken_off() -> None:
    draws = Draws(np.array([20.0, 21.0, 22.5]), np.array([21.0, 22.5, 23.0]))
    corrected = np.array([19.0, 19.5, 22.0])
    mean = draws.mean
    assert mean.value == pytest.approx(corrected.mean())
    assert mean.standard_error == pytest.approx(stats.sem(corrected))
    spread = np.hypot(draws.values.std(ddof=1), stats.sem(corrected))
    expected = 2 * stats.t.sf(abs(18.0 - corrected.mean()) / spread, 2)
    assert draws.p_value_of(18.0) == pytest.approx(expected)
    change = draws - Draws(np.array([19.0, 19.0, 19.0]), np.array([19.5, 19.5, 19.5]))
    np.testing.assert_allclose(change.corrected, corrected - 18.5)
