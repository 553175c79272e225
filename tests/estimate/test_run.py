"""The two tables of a cloud: every estimator that the section names, from one neighbour graph."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from lm_geometry import bayesian_twonn, global_dimension, gride, local_dimension
from lm_geometry.dimension import with_dadapy
from lm_geometry.estimate import reading, readings, run, sizes
from lm_geometry.estimate import tables as estimation
from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.estimate.clouds import GLOBAL, LOCAL, without
from lm_geometry.outs.token_sample.clouds import Cloud
from tests.fixtures.seeded_clouds import CLOUDS

X = CLOUDS["spread"]()
ROWS = 2 * np.arange(len(X))  # of the token table
CLOUD = Cloud("base", CorpusSplit("news", "test"), 3, 0)
TOKENS = pd.DataFrame(
    {
        "document": [f"d{row // 2 % 40}" for row in range(2 * len(X))],
        "sequence": [row // 2 % 120 for row in range(2 * len(X))],
    }
)


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.setattr(readings, "read_tokens", lambda split: TOKENS)

    def made(points=None, groups=0, seed=0, **values):
        asked = {"n_neighbors": [20], "gride_range": 32, "exclude": ["none"]}
        asked |= {"jackknife": {"groups": groups}, **values}
        settings = Estimate.model_validate(asked)
        of_split = readings.Readings(CLOUD.split, groups, seed)
        return estimation.estimates(CLOUD, X[:points], ROWS[:points], of_split, settings)

    return made


def only(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    return table["value"].to_numpy()


def test_every_estimator_is_that_of_the_library(tables):
    lpca = {"rule": "FO", "constants": {"alpha": 0.2}, "tokens": 100}
    local, whole = tables(
        estimators=["twonn", "mle", "lpca"],
        global_estimators=["twonn", "mle", "lpca", "MOM"],
        cdf="(i-1)/n",
        discard=0.2,
        lpca=lpca,
    )
    assert list(local) == LOCAL
    assert list(whole) == GLOBAL
    twonn = {"cdf": "(i-1)/n", "discard": 0.2}
    np.testing.assert_array_equal(only(local, estimator="twonn"), local_dimension(X, 20, **twonn))
    np.testing.assert_array_equal(only(local, estimator="mle"), local_dimension(X, 20, "mle"))
    counts = local_dimension(X, 20, "lpca", alpha=0.2)
    np.testing.assert_array_equal(only(local, estimator="lpca"), counts[:100])
    assert local["row"].tolist()[:3] == [0, 2, 4]
    assert only(whole, estimator="twonn") == [global_dimension(X, **twonn)]
    assert only(whole, estimator="mle") == [global_dimension(X, "mle", n_neighbors=20)]
    # The rule and constants of the section are those of the whole cloud as well.
    assert global_dimension(X, "lpca", alpha=0.2) != global_dimension(X, "lpca")
    assert only(whole, estimator="lpca") == [global_dimension(X, "lpca", alpha=0.2)]
    assert only(whole, estimator="MOM") == pytest.approx(global_dimension(X, "MOM"))
    scales = whole[whole["estimator"] == "gride"]
    np.testing.assert_array_equal(scales["scale"], gride(X, 32).scale)
    np.testing.assert_array_equal(scales["value"], gride(X, 32).dimension)
    np.testing.assert_array_equal(scales["standard_error"], gride(X, 32).error)


def test_estimators_that_peers_have_stand_in_the_table(tables):
    names = ["l2n2", "bayesian_twonn", "binomial", "correlation", "ca_pca"]
    _, whole = tables(global_estimators=names, n_neighbors=[20, 40])
    for name in ("l2n2", "correlation", "ca_pca"):
        assert only(whole, estimator=name) == [global_dimension(X, name)]
    posterior = bayesian_twonn(X)
    assert only(whole, estimator="bayesian_twonn") == [posterior.mean]
    sizes = [global_dimension(X, "binomial", n_neighbors=size) for size in (20, 40)]
    np.testing.assert_array_equal(only(whole, estimator="binomial"), sizes)
    errors = whole.set_index("estimator")["standard_error"]
    assert errors["bayesian_twonn"] == posterior.deviation
    assert (errors["binomial"] > 0).all()
    assert np.isnan(errors["l2n2"])


def test_a_cloud_with_too_few_points_for_a_peer_has_a_missing_value(tables):
    _, few = tables(points=18, global_estimators=["correlation", "ca_pca"], n_neighbors=[8])
    for name in ("correlation", "ca_pca"):
        assert np.isnan(only(few, estimator=name)).all()
        assert len(only(few, estimator=name)) == 1


def test_the_search_is_passed_on_and_its_recall_is_written(tables, monkeypatch):
    graph = estimation.neighbour_graph
    asked = []

    def counted(points, n_neighbors, **options):
        asked.append((n_neighbors, options))
        return replace(graph(points, n_neighbors), recall=0.875)

    monkeypatch.setattr(estimation, "neighbour_graph", counted)
    _, whole = tables(search="int8", n_neighbors=[20, 40])
    assert asked == [(40, {"search": "int8"})]  # one graph for all
    assert set(whole["recall"]) == {0.875}
    monkeypatch.setattr(estimation, "neighbour_graph", graph)
    assert set(tables()[1]["recall"]) == {1.0}


def test_dadapy_is_asked_for_before_any_cloud_is_read(monkeypatch):
    monkeypatch.setattr(with_dadapy, "find_spec", lambda name: None)
    monkeypatch.setattr(run, "read_embedded", lambda: pytest.fail("clouds were read"))
    settings = Estimate.model_validate({"global_estimators": ["twonn", "dadapy.twonn"]})
    with pytest.raises(ImportError, match="DADApy is not installed"):
        run.estimate(settings)


def test_dadapy_needs_a_range_for_its_scales():
    with pytest.raises(ValidationError, match=r"dadapy\.gride reads up to gride_range, which is 0"):
        Estimate.model_validate({"global_estimators": ["dadapy.gride"], "gride_range": 0})


def test_dadapy_stands_beside_ours_in_the_table(tables):
    pytest.importorskip("dadapy", exc_type=ImportError)
    names = ["twonn", "dadapy.twonn", "dadapy.gride"]
    _, whole = tables(global_estimators=names, discard=0.3)
    both = [only(whole, estimator=name) for name in names[:2]]
    np.testing.assert_allclose(both[0], both[1], rtol=1e-6)
    ours, theirs = (whole[whole["estimator"] == name] for name in ("gride", "dadapy.gride"))
    for column in ("scale", "value", "standard_error", "points"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-6)
    # All ratios, none left out: another estimate.
    likely = only(tables(global_estimators=names, fit="mle")[1], estimator="dadapy.twonn")
    assert likely == [global_dimension(X, "dadapy.twonn", algorithm="ml")]


def test_a_reading_leaves_out_what_is_of_one_document(tables):
    local, whole = tables(
        exclude=["none", "document", "sequence+document"],
        estimators=["twonn", "mle", "lpca"],
        global_estimators=["twonn", "mle", "lpca"],
    )
    documents = ROWS // 2 % 40
    for name in ("twonn", "mle", "lpca"):
        expected = local_dimension(X, 20, name, exclude=documents)[
            : 500 if name == "lpca" else None
        ]
        found = only(local, estimator=name, exclude="document")
        np.testing.assert_array_equal(found, expected)
    assert (only(local, exclude="none") != only(local, exclude="document")).any()
    # A sequence lies in one document here.
    np.testing.assert_array_equal(
        only(local, exclude="sequence+document"), only(local, exclude="document")
    )
    left = whole[whole["exclude"] == "document"]
    assert only(left, estimator="twonn") == [global_dimension(X, exclude=documents)]
    scales = gride(X, 32, exclude=documents)
    np.testing.assert_array_equal(only(left, estimator="gride"), scales.dimension)
    # The covariance of a cloud knows no neighbours: it stands with the published reading alone.
    assert set(whole.loc[whole["estimator"] == "lpca", "exclude"]) == {"none"}


def test_estimates_without_a_group_are_those_of_the_other_documents(tables):
    groups = readings.Readings(CLOUD.split, 7, 3)
    group = groups.group_of(ROWS)
    of_document = pd.Series(group).groupby(ROWS // 2 % 40).nunique()
    assert (of_document == 1).all()
    assert (
        np.ptp(np.bincount(pd.Series(group).groupby(ROWS // 2 % 40).first())) <= 1
    )  # dealt evenly
    local, whole = tables(
        groups=7,
        estimators=["twonn", "mle", "lpca"],
        global_estimators=["twonn", "mle"],
        exclude=["document"],
        jackknife={"groups": 7, "seed": 3},
        seed=3,
    )
    documents = ROWS // 2 % 40
    for g, column in enumerate(without(7)):
        kept = group != g
        for name in ("twonn", "mle"):
            expected = local_dimension(X[kept], 20, name, exclude=documents[kept])
            found = local.loc[local["estimator"] == name, column].to_numpy()
            np.testing.assert_array_equal(found[kept], expected.astype(np.float32))
            assert np.isnan(found[~kept]).all()
            whole_of = whole.loc[whole["estimator"] == name, column].to_numpy()
            options = {"n_neighbors": 20} if name == "mle" else {}
            assert whole_of == [global_dimension(X[kept], name, exclude=documents[kept], **options)]
        scales = gride(X[kept], 32, exclude=documents[kept])
        found = whole.loc[whole["estimator"] == "gride", column]
        np.testing.assert_array_equal(found, scales.dimension)
        assert local.loc[local["estimator"] == "lpca", column].isna().all()


def test_fewer_documents_make_fewer_groups_and_one_makes_none(monkeypatch):
    monkeypatch.setattr(readings, "read_tokens", lambda split: TOKENS[:5])
    assert readings.Readings(CLOUD.split, 10, 0).groups == 3
    monkeypatch.setattr(readings, "read_tokens", lambda split: TOKENS[:1])
    assert readings.Readings(CLOUD.split, 10, 0).groups == 0


def test_a_reading_that_leaves_too_few_neighbours_is_refused(tables, monkeypatch):
    monkeypatch.setattr(readings, "read_tokens", lambda split: TOKENS.assign(document="one"))
    with pytest.raises(ValueError, match=r"estimate.exclude: document leaves a token .* 0 other"):
        tables(exclude=["none", "document"])
    # A cloud that is too small anyway has missing values, as before.
    local, _ = tables(points=15, exclude=["none"])
    assert local["value"].isna().all()


def test_the_graph_without_a_group_is_made_once_for_all_that_reads_it(tables, monkeypatch):
    made, remaining = [], reading.remaining
    monkeypatch.setattr(reading, "remaining", lambda *of: made.append(1) or remaining(*of))
    both = {"estimators": ["twonn", "mle"], "global_estimators": ["twonn", "mle"]}
    local, whole = tables(groups=4, exclude=["document", "none"], **both)
    assert len(made) == 4 * 2  # a group, a reading
    of_mle = local[local["estimator"] == "mle"]
    assert of_mle[without(4)].notna().to_numpy().mean() == pytest.approx(3 / 4)  # all but its own
    assert whole[without(4)].notna().all(axis=None)


def test_no_graph_without_a_group_is_made_where_nothing_reads_it(tables, monkeypatch):
    asked = {"estimators": ["twonn"], "exclude": ["document", "none"], "gride_range": 0}
    expected, _ = tables(groups=4, global_estimators=["mle"], **asked)
    monkeypatch.setattr(reading, "remaining", lambda *_: pytest.fail("a graph was made"))
    local, whole = tables(groups=4, global_estimators=[], **asked)
    pd.testing.assert_frame_equal(local, expected, check_exact=True)
    assert whole.empty


def test_kinds_of_tokens_that_may_not_be_passed_on_are_refused(tables):
    with pytest.raises(ValueError, match="needs the column token_id"):
        tables(exclude=["token"])


@pytest.mark.parametrize("exclude", ["documents", "document+document", "none+token", ""])
def test_unknown_readings_are_refused(exclude):
    with pytest.raises(ValidationError, match="is neither none nor sequence, document, token"):
        Estimate.model_validate({"exclude": [exclude]})


def test_lists_are_long_enough_for_most_and_never_longer_than_the_cloud():
    settings = Estimate.model_validate({"n_neighbors": [128], "gride_range": 0})
    assert sizes.length_of_lists(settings, 6000, 10) == (205, 266)
    with_gride = settings.model_copy(update={"gride_range": 256})
    assert sizes.length_of_lists(with_gride, 6000, 10) == (348, 452)
    assert sizes.length_of_lists(settings, 150, 10) == (149, 149)
    published = Estimate.model_validate(
        {"n_neighbors": [128], "gride_range": 0, "exclude": ["none"]}
    )
    assert sizes.length_of_lists(published, 6000, 0) == (128, 128)


def test_one_group_of_documents_is_refused():
    with pytest.raises(ValidationError, match="one group is all documents"):
        Estimate.model_validate({"jackknife": {"groups": 1}})
