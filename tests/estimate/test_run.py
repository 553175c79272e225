"""The two tables of a cloud: every estimator that the section names, from one neighbour graph."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from lm_geometry import global_dimension, gride, local_dimension
from lm_geometry.dimension import with_dadapy
from lm_geometry.estimate import run as estimation
from lm_geometry.estimate.params import Estimate
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.estimate.clouds import GLOBAL, LOCAL
from lm_geometry.outs.token_sample.clouds import Cloud
from tests.fixtures.seeded_clouds import CLOUDS

X = CLOUDS["spread"]()
CLOUD = Cloud("base", CorpusSplit("news", "test"), 3, 0)


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.setattr(estimation, "read_cloud", lambda cloud: (X, 2 * np.arange(len(X))))

    def made(**values):
        settings = {"n_neighbors": [20], "gride_range": 32, **values}
        return estimation.estimates(CLOUD, Estimate.model_validate(settings))

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
    monkeypatch.setattr(estimation, "read_embedded", lambda: pytest.fail("clouds were read"))
    settings = Estimate.model_validate({"global_estimators": ["twonn", "dadapy.twonn"]})
    with pytest.raises(ImportError, match="DADApy is not installed"):
        estimation.estimate(settings)


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
