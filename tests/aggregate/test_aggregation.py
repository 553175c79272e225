"""From estimates per token to tables and headline numbers, by hand on small tables."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lm_geometry.aggregate.cloud_estimates import mean_over_clouds
from lm_geometry.aggregate.differences import Change, change_rows, changes, difference_rows
from lm_geometry.aggregate.headline import headline
from lm_geometry.aggregate.means import mean_rows
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.shown import Shown, resolve
from lm_geometry.aggregate.tables import COLUMNS, OPTIONAL, Tables, make_tables, read_aggregated
from lm_geometry.dimension import local_dimension
from lm_geometry.estimate import run as estimation
from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_states, write_index
from lm_geometry.outs.estimate.clouds import Estimated, estimated_clouds, read_global, read_local
from lm_geometry.outs.finetune.training_run import TrainingRun, write_training_run
from lm_geometry.statistics import Mean, clustered_mean
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.run import write_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import write_table

SHOWN = Shown("10", 2, 64.0, "twonn", "test")


def local_table(values: dict[str, dict[tuple[int, int], float]]) -> pd.DataFrame:
    """Estimates by checkpoint and (row, document), of one layer and estimator."""
    rows = [
        {"checkpoint": checkpoint, "row": row, "document": document, "value": value}
        for checkpoint, by_token in values.items()
        for (row, document), value in by_token.items()
    ]
    keys = {"corpus": "a", "split": "test", "layer": 2, "sampling_seed": 0}
    return pd.DataFrame(rows).assign(**keys, exclude="none", estimator="twonn", n_neighbors=64.0)


def test_changes_are_paired_by_token() -> None:
    table = local_table(
        {
            "base": {(3, 0): 10.0, (5, 0): 12.0, (7, 1): 8.0, (8, 1): 9.0, (9, 2): 50.0},
            "10": {(7, 1): 7.0, (3, 0): 11.0, (5, 0): math.nan, (8, 1): 6.0, (4, 2): 99.0},
        }
    )
    ((key, change),) = changes(table).items()
    mean = change.mean
    assert key == ("test", 2, "token", "none", "twonn", 64.0, None, "10")
    assert mean.value == pytest.approx(np.mean([7 - 8, 11 - 10, 6 - 9]))
    assert (mean.values, mean.clusters) == (3, 2)  # tokens 3, 7 and 8 of documents 0 and 1


def test_tokens_of_two_draws_are_paired_within_each() -> None:
    first = local_table({"base": {(1, 0): 1.0, (2, 1): 2.0}, "10": {(1, 0): 5.0, (2, 1): 6.5}})
    second = local_table({"base": {(1, 0): 3.0}, "10": {(1, 0): 4.0, (2, 1): 70.0}})
    both = pd.concat([first, second.assign(sampling_seed=1)], ignore_index=True)
    (change,) = changes(both).values()
    mean = change.mean
    assert mean.value == pytest.approx(np.mean([4.0, 4.5, 1.0]))


def test_a_cloud_that_lost_its_base_has_no_change() -> None:
    (change,) = changes(local_table({"10": {(1, 0): 5.0, (2, 1): 6.0}})).values()
    assert math.isnan(change.mean.value)
    assert change.mean.values == 0


def test_differences_of_differences_by_hand() -> None:
    own = {
        "base": {(i, i): value for i, value in enumerate([10.0, 11.0, 12.0, 13.0])},
        "10": {(i, i): value for i, value in enumerate([8.0, 9.5, 11.0, 10.0])},
    }
    control = {
        "base": {(i, i): value for i, value in enumerate([7.0, 7.0, 9.0])},
        "10": {(i, i): value for i, value in enumerate([6.5, 7.5, 8.0])},
    }
    by_corpus = {"a": changes(local_table(own)), "b": changes(local_table(control))}
    (row,) = difference_rows(by_corpus, "a", 0.9)
    own_change, control_change = [-2.0, -1.5, -1.0, -3.0], [-0.5, 0.5, -1.0]
    welch = stats.ttest_ind(own_change, control_change, equal_var=False)
    interval = welch.confidence_interval(0.9)
    assert row["mean"] == pytest.approx(np.mean(own_change) - np.mean(control_change))
    assert (row["lower"], row["upper"]) == pytest.approx((interval.low, interval.high))
    assert row["degrees"] == pytest.approx(welch.df)
    assert (row["corpus"], row["control"], row["checkpoint"]) == ("a", "b", "10")
    assert row["p_value"] == pytest.approx(welch.pvalue)
    assert row["adjusted_p_value"] == pytest.approx(welch.pvalue)  # a single layer
    assert difference_rows(by_corpus, "c", 0.9) == []
    rows = change_rows(by_corpus, 0.9)
    assert [r["corpus"] for r in rows] == ["a", "b"]
    assert rows[0]["p_value"] == pytest.approx(stats.ttest_1samp(own_change, 0).pvalue)
    assert rows[0]["standardised_by_documents"] == pytest.approx(
        np.mean(own_change) / np.std(own_change, ddof=1)
    )
    spread = np.sqrt((np.var([10, 11, 12, 13], ddof=1) + np.var([8, 9.5, 11, 10], ddof=1)) / 2)
    assert rows[0]["standardised_by_tokens"] == pytest.approx(np.mean(own_change) / spread)
    assert set(rows[0]) == set(COLUMNS["changes"])
    assert set(row) == set(COLUMNS["differences"])


def test_p_values_are_adjusted_over_layers_alone() -> None:
    def change(p: float) -> Change:
        value = float(-stats.t.ppf(p / 2, 9))
        return Change(Mean(value, 1.0, 9.0, 50, 10), -1.0, -1.0)

    p_values = {12: 0.01, 18: 0.04, 20: 0.03}
    found: Any = {
        ("test", layer, "token", reading, "twonn", size, None, "10"): change(p)
        for size in (64.0, 128.0)
        for reading in ("document", "none")
        for layer, p in p_values.items()
    }
    rows = change_rows({"a": found}, 0.95)
    for row in rows:
        assert row["p_value"] == pytest.approx(p_values[row["layer"]])
        assert row["adjusted_p_value"] == pytest.approx(
            {12: 0.03, 18: 0.04, 20: 0.04}[row["layer"]]
        )


def test_means_and_changes_know_of_several_clouds() -> None:
    generator = np.random.default_rng(0)
    clouds = [
        local_table(
            {
                name: {(i, i // 4): float(generator.normal(shift)) for i in range(40)}
                for name in ("base", "10")
            }
        ).assign(sampling_seed=seed)
        for seed, shift in enumerate((0.0, 3.0, 6.0))
    ]
    table = pd.concat(clouds, ignore_index=True)
    (row,) = pd.DataFrame(mean_rows(table[table["checkpoint"] == "base"], 0.95)).to_dict("records")
    values = table[table["checkpoint"] == "base"]
    crossed = clustered_mean(
        *(values[name].to_numpy() for name in ("value", "document", "sampling_seed"))
    )
    assert row["standard_error"] == pytest.approx(crossed.standard_error)
    assert row["upper"] - row["lower"] > 5  # the clouds' means lie 3 apart
    (change,) = changes(table).values()
    assert change.mean.standard_error < 1  # what a cloud adds to both sides cancels


def test_means_count_what_is_undefined() -> None:
    table = local_table({"base": {(1, 0): 4.0, (2, 0): 8.0, (3, 1): math.nan, (4, 2): 9.0}})
    (row,) = mean_rows(table, 0.95)
    assert row["mean"] == 7
    assert row["median"] == 8
    assert row["standard_deviation"] == pytest.approx(np.std([4, 8, 9], ddof=1))
    assert (row["values"], row["documents"], row["undefined"]) == (3, 2, 1)
    assert (row["clouds"], row["points"]) == (1, 4)
    assert set(row) == set(COLUMNS["means"])
    (row,) = mean_rows(local_table({"base": {(1, 0): math.nan}}), 0.95)
    assert math.isnan(row["mean"])
    assert row["undefined"] == 1


def tables_of(**changes: list[dict[str, Any]]) -> Tables:
    cell = {"split": "test", "layer": 2, "estimator": "twonn", "n_neighbors": 64.0}
    cell |= {"level": "token", "exclude": "none"}
    count = {"values": 180, "documents": 7, "clouds": 2, "points": 90}
    rows: dict[str, list[dict[str, Any]]] = {
        "means": [
            cell | count | {"corpus": corpus, "checkpoint": checkpoint, "mean": mean}
            for corpus, checkpoint, mean in [
                ("a", "base", 10.123456789),
                ("a", "10", 9.0),
                ("b", "base", 12.0),
                ("b", "10", math.nan),
            ]
        ]
        + [cell | count | {"layer": 1, "corpus": "a", "checkpoint": "base", "mean": 77.0}],
        "changes": [],
        "differences": [
            cell
            | {"corpus": "a", "control": "b", "checkpoint": "10", "mean": -1.5}
            | {"lower": -2.0, "upper": math.nan}
        ],
        "losses": [
            {"corpus": "a", "split": "test", "checkpoint": "base", "mean": math.nan},
            {"corpus": "a", "split": "test", "checkpoint": "10", "mean": 3.25},
        ],
        "global": [],
        **{name: [] for name in ("correlations", "groups", "clusters", "scores", "heuristic")},
        "remainders": [],
    }
    frames = [pd.DataFrame((rows | changes)[name], columns=COLUMNS[name]) for name in COLUMNS]
    return Tables(*frames)


def test_headline_numbers_are_those_of_the_shown_cell_and_never_nan() -> None:
    found = headline(tables_of(), SHOWN)
    assert found == {
        "dimension": {"a": {"base": 10.1235, "shown": 9.0}, "b": {"base": 12.0}},
        "difference_of_differences": {"mean": -1.5, "lower": -2.0},
        "loss": {"a": {"shown": 3.25}},
        "points": 90,
        "documents": 7,
    }
    json.dumps(found, allow_nan=False)


def test_the_published_reading_stands_beside_in_the_headline() -> None:
    tables = tables_of()
    for name, add in (("means", 3.0), ("differences", 0.5)):
        table = getattr(tables, name)
        other = table.assign(exclude="document", mean=table["mean"] + add)
        tables = replace(tables, **{name: pd.concat([table, other], ignore_index=True)})
    found = headline(tables, replace(SHOWN, exclude="document", published=True))
    assert found["dimension"] == {"a": {"base": 13.1235, "shown": 12.0}, "b": {"base": 15.0}}
    assert found["difference_of_differences"] == {"mean": -1.0, "lower": -2.0}
    assert found["published"] == {
        "dimension": {"a": {"base": 10.1235, "shown": 9.0}, "b": {"base": 12.0}},
        "difference_of_differences": {"mean": -1.5},
    }


def test_headline_numbers_of_an_untrained_model_have_one_side() -> None:
    shown = Shown("base", 2, 64.0, "twonn", "test")
    found = headline(tables_of(differences=[]), shown)
    assert found["dimension"] == {"a": {"base": 10.1235}, "b": {"base": 12.0}}
    assert "difference_of_differences" not in found


def test_what_is_shown_is_resolved_or_refused() -> None:
    splits = [CorpusSplit("a", "test"), CorpusSplit("b", "dev")]
    there = Embedded(["base", "10", "20"], splits, [1, 4, 6], depth=6)
    estimated = Estimated(there, [0], ["lpca"], [32, 0.25], "i/n", ["none"], [0, 0])

    def shown(**chosen: Any) -> Shown:
        return resolve(Aggregate.model_validate(chosen), estimated)

    assert shown() == Shown("20", 6, 0.25, "lpca", "test")
    assert shown(checkpoint=10, layer=-3, n_neighbors=32) == Shown("10", 4, 32.0, "lpca", "test")
    for chosen, sentence in [
        ({"checkpoint": 30}, r"aggregate\.checkpoint: 30 was not computed; there are \['base'"),
        ({"layer": 2}, r"aggregate\.layer: 2 was not computed; there are \[1, 4, 6\]"),
        ({"layer": 8}, r"aggregate\.layer: 8 was not computed"),  # not 8 % 7 = 1
        ({"n_neighbors": 64}, r"aggregate\.n_neighbors: 64 was not computed"),
        ({"exclude": "token"}, r"aggregate\.exclude: token was not computed; there are \['none'\]"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            shown(**chosen)
    both = replace(estimated, exclude=["document", "none", "token"])
    for asked, readings in (
        ("first", ["document", "none"]),
        ("token", ["token", "none"]),
        ("none", ["none"]),
    ):
        assert resolve(Aggregate.model_validate({"exclude": asked}), both).readings == readings
    combined = replace(estimated, embedded=replace(there, layers=[-1]))
    assert resolve(Aggregate.model_validate({"layer": 3}), combined).layer == -1


ESTIMATE = Estimate.model_validate(
    {
        "estimators": ["twonn", "lpca", "mle"],
        "n_neighbors": [10, 0.25],
        "lpca": {"tokens": 15},
        "global_estimators": ["twonn", "mle"],
        "gride_range": 16,
        "exclude": ["document", "none"],
        "jackknife": {"groups": 4},
    }
)


def write_run(tokens: int = 90, corpora: tuple[str, ...] = ("a", "b")) -> None:
    """Hidden states, losses and clouds of a small run; `b` has no loss."""
    splits = [CorpusSplit(name, "test") for name in corpora]
    table = pd.DataFrame(
        {
            "sequence": np.arange(tokens) // 5,
            "position": np.arange(tokens) % 5,
            "document": [f"d{i // 10}" for i in range(tokens)],
            "token_id": 1,
            "token": "x",
            "special": "",
        }
    )
    for split in splits:
        write_table(paths.tokens(split.corpus, split.split), table)
        for number, checkpoint in enumerate(("base", "10")):
            folder = paths.cell(paths.HIDDEN_STATES, checkpoint, split.corpus, split.split)
            with array_folder(folder, {"layer-02.npy": (tokens, 8)}, {}) as arrays:
                states = stream(0, split.corpus, checkpoint).normal(size=(tokens, 8))
                states[:, 3 + number :] *= 0.05
                arrays["layer-02.npy"][:] = states
            place = paths.losses(checkpoint, split.corpus, split.split)
            losses = np.full(tokens, np.nan if split.corpus == "b" else 2.5, dtype=np.float32)
            write_array(place, losses)
    write_index(Embedded(["base", "10"], splits, [2], depth=2))
    write_training_run(TrainingRun("a", "causal_lm", "settings"))
    sample = {"drop": [], "prepared": 80, "points": 80}
    write_clouds(TokenSample.model_validate(sample))


def test_a_run_from_clouds_to_headline(project: Any) -> None:
    write_run()
    estimation.estimate(ESTIMATE)
    cloud = estimated_clouds()[0]
    local = read_local(cloud)
    X = read_states(cloud.checkpoint, cloud.split, 2)[np.load(cloud.file)]
    for name, tokens in (("twonn", 80), ("mle", 80), ("lpca", 15)):
        for asked, size in ((10.0, 10), (0.25, 20)):
            cell = local[(local["estimator"] == name) & (local["n_neighbors"] == asked)]
            cell = cell[cell["exclude"] == "none"]
            expected = local_dimension(X, size, estimator=name)[:tokens]
            np.testing.assert_allclose(cell["value"], expected, rtol=1e-9)
            assert cell["row"].tolist() == np.load(cloud.file)[:tokens].tolist()
    whole = read_global()
    signals = {"rankme", "mean_cosine", "massive_tokens", "distance_moved"}
    assert set(whole["estimator"]) >= {"twonn", "mle", "gride", *signals}
    assert sorted(whole[whole["estimator"] == "gride"]["scale"].unique()) == [2, 4, 8, 16]
    assert set(whole["points"]) == {80}

    settings = Aggregate.model_validate({"bootstrap": {"draws": 100}})
    shown = Shown("10", 2, 10.0, "twonn", "test")
    tables = make_tables("a", settings, shown)
    tables.write()
    read = {name: read_aggregated(name) for name in COLUMNS if paths.table(name).exists()}
    assert set(COLUMNS) - set(read) == set(OPTIONAL)  # there is no null model
    size = "level == 'token' and corpus == 'a' and estimator == 'twonn' and n_neighbors == 10"
    means = read["means"].query(size).set_index(["exclude", "checkpoint"])["mean"]
    for checkpoint in ("base", "10"):
        for reading in ("document", "none"):
            rows = local_of("a", checkpoint, reading)
            found = means[reading, checkpoint]
            assert found == pytest.approx(rows["value"].mean())
    pairs = local_of("a", "10").merge(local_of("a", "base"), on="row", suffixes=("", "_base"))
    cell = "corpus == 'a' and estimator == 'twonn' and n_neighbors == 10 and exclude == 'none'"
    change = read["changes"].query(cell)
    assert change["mean"].item() == pytest.approx((pairs["value"] - pairs["value_base"]).mean())
    assert change["documents"].item() == 9
    errors = read["means"].groupby("estimator")["error"].unique()
    assert {name: set(errors[name]) for name in ("twonn", "gride", "lpca", "mle", "rankme")} == {
        "twonn": {"jackknife"},
        "gride": {"jackknife"},
        "lpca": {"clustered"},  # has no jackknife
        "mle": {"jackknife"},
        "rankme": {"jackknife"},
    }
    signal = read["differences"].query("estimator == 'rankme'")
    assert signal[["exclude", "level"]].to_numpy().tolist() == [["none", "cloud"]]
    keys = ["corpus", "estimator", "level"]
    moved = [read[name].set_index(keys)["mean"].sort_index() for name in ("changes", "means")]
    change, mean = (one.loc["a", "distance_moved", "cloud"].item() for one in moved)
    assert change == mean > 0  # it is a change already
    assert signal["lower"].item() < signal["mean"].item() < signal["upper"].item()
    assert set(read["differences"]["control"]) == {"b"}
    losses = read["losses"].set_index(["corpus", "checkpoint"])["mean"]
    assert losses["a", "10"] == 2.5
    assert math.isnan(losses["b", "10"])
    assert set(read["groups"]["group"]) == {"x"}
    assert set(read["clusters"]["k"]) == {1, 2, 3, 5, 10}
    assert read["correlations"]["correlation"].isna().all()  # the loss is the same everywhere
    assert read["heuristic"].empty
    numbers = headline(tables, shown)
    assert set(numbers["loss"]) == {"a"}
    json.dumps(numbers, allow_nan=False)


def local_of(corpus: str, checkpoint: str, reading: str = "none") -> pd.DataFrame:
    """Local TwoNN estimates at L = 10."""
    split = CorpusSplit(corpus, "test")
    (cloud,) = [c for c in estimated_clouds() if (c.checkpoint, c.split) == (checkpoint, split)]
    table = read_local(cloud)
    own = (table["estimator"] == "twonn") & (table["n_neighbors"] == 10)
    return table[own & (table["exclude"] == reading)]


def test_an_interrupted_estimate_goes_on_from_finished_clouds(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run()
    done: list[Any] = []
    estimates = estimation.estimates

    def counted(*arguments: Any) -> Any:
        if len(done) == 2:
            done.append(None)
            raise KeyboardInterrupt
        done.append(arguments)
        return estimates(*arguments)

    monkeypatch.setattr(estimation, "estimates", counted)
    with pytest.raises(KeyboardInterrupt):
        estimation.estimate(ESTIMATE)
    assert not paths.ESTIMATES.exists()
    estimation.estimate(ESTIMATE)
    assert len(done) == 5  # two, the interruption, and the other two
    resumed = {f.name + f.parent.parent.parent.name: f.read_bytes() for f in estimate_files()}
    estimation.estimate(ESTIMATE)
    again = {f.name + f.parent.parent.parent.name: f.read_bytes() for f in estimate_files()}
    assert again == resumed


def estimate_files() -> list[Any]:
    return sorted(paths.ESTIMATES.rglob("*.parquet"))


@pytest.mark.parametrize("tokens", [2, 8])
def test_clouds_that_are_too_small_are_told_and_missing(
    project: Any, capsys: pytest.CaptureFixture[str], tokens: int
) -> None:
    write_run(tokens)
    estimation.estimate(ESTIMATE.model_copy(update={"exclude": ["none"]}))
    told = capsys.readouterr().out
    assert ("2 points have no dimension" if tokens == 2 else "twonn undefined, 8 points") in told
    settings, shown = Aggregate.model_validate({}), Shown("10", 2, 10.0, "twonn", "test")
    tables = make_tables("a", settings, shown)
    tables.write()
    assert list(read_aggregated("groups")) == COLUMNS["groups"]
    of_tokens = tables.means["level"] == "token"
    assert tables.means.loc[of_tokens, "mean"].isna().all()
    numbers = headline(tables, Shown("10", 2, 10.0, "twonn", "test"))
    assert "dimension" not in numbers
    json.dumps(numbers, allow_nan=False)


def test_a_difference_needs_both_means() -> None:
    one = Mean(1.0, 0.1, 5.0, 6, 6)
    none = Mean(math.nan, math.nan, math.nan, 0, 0)
    key = ("test", 2, "token", "none", "twonn", 64.0, None, "10")
    changed: Any = {"a": {key: Change(one, -1, -1)}, "b": {key: Change(none, math.nan, math.nan)}}
    (row,) = difference_rows(changed, "a", 0.95)
    assert math.isnan(row["adjusted_p_value"])
    assert math.isnan(row["mean"])
    assert math.isnan(row["lower"])


def test_clouds_without_deletions_have_the_interval_of_their_draw() -> None:
    nothing = np.empty((3, 0))
    mean = mean_over_clouds(np.array([7.0, 7.6, 7.3]), nothing, 12)
    half = stats.t.ppf(0.975, 2) * np.std([7.0, 7.6, 7.3], ddof=1) / np.sqrt(3)
    assert mean.value == pytest.approx(7.3)
    assert mean.interval(0.95)[1] - 7.3 == pytest.approx(half)
    assert (mean.values, mean.clusters, mean.error) == (3, 12, "clouds")
    alone = mean_over_clouds(np.array([8.0]), nothing[:1], 12)
    assert alone.value == 8.0
    assert np.isnan(alone.interval(0.95)).all()
