"""Surrogates of a cloud go through its own estimators, draw by draw, at every reading."""

import numpy as np
import pandas as pd
import pytest

from lm_geometry import local_dimension, surrogate
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.surrogate_rows import (
    has_null_models,
    surrogate_table,
    with_labels,
)
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import SURROGATES
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.workspace.seeds import stream

RNG = np.random.default_rng(0)
TOKENS = pd.DataFrame(
    {
        "document": [f"d{row // 10}" for row in range(130)],
        "token_id": RNG.integers(0, 25, 130),
        "sequence": [row // 5 for row in range(130)],
    }
)
ROWS = np.arange(5, 125)
X = RNG.standard_normal((120, 6)).astype(np.float32) @ np.diag([4, 3, 2, 1, 0.5, 0.1])
SPLIT = CorpusSplit("news", "test")


def asked(*kinds, **values):
    found = {"estimators": ["twonn", "mle"], "n_neighbors": [16], "exclude": ["document", "none"]}
    nulls = {"kinds": [*kinds], "draws": 3}
    return Estimate.model_validate(found | {"surrogates": nulls} | values)


def table(*kinds, checkpoint="base", rows=ROWS, points=X, tokens=TOKENS, **values):
    cloud = Cloud(checkpoint, SPLIT, 3, 0)
    settings = asked(*kinds, **values)
    return surrogate_table(cloud, points, rows, Readings(SPLIT, 4, 0, tokens), settings)


def test_each_row_is_the_mean_of_what_the_library_reads_of_that_draw():
    found = table("gaussian", "exchanged_residuals")
    assert list(found) == SURROGATES
    assert len(found) == 2 * 3 * 2 * 2  # null models, draws, readings, estimators
    document = TOKENS["document"].to_numpy()[ROWS]
    labels = {"tokens": TOKENS["token_id"].to_numpy()[ROWS], "documents": document}
    for kind, own in (("gaussian", {}), ("exchanged_residuals", labels)):
        drawn = surrogate(X, kind, stream(0, "surrogate", kind, "news", "test", "3", "0", 2), **own)
        for exclude, left_out in (("none", None), ("document", document)):
            values = local_dimension(drawn.astype(X.dtype), 16, exclude=left_out)
            cell = found[(found["surrogate"] == kind) & (found["draw"] == 2)]
            cell = cell[(cell["exclude"] == exclude) & (cell["estimator"] == "twonn")]
            assert cell["tokens"].item() == pytest.approx(values.mean(), rel=1e-9)
            each = pd.Series(values).groupby(document).mean().mean()
            assert cell["documents"].item() == pytest.approx(each, rel=1e-9)


@pytest.mark.parametrize(
    ("nulls", "places"),
    [
        ({"layers": "all"}, {(c, layer) for c in ("base", "40", "80") for layer in (12, 20, 30)}),
        ({"layers": ["67%"], "checkpoints": "last"}, {("base", 20), ("80", 20)}),
        (
            {"layers": [12, "last"], "checkpoints": "all"},
            {(c, layer) for c in ("base", "40", "80") for layer in (12, 30)},
        ),
        (
            {"layers": ["50%-100%"], "checkpoints": "last"},
            {(c, layer) for c in ("base", "80") for layer in (20, 30)},
        ),
        ({"kinds": []}, set()),
    ],
)
def test_null_models_are_of_the_clouds_that_are_asked_for(nulls, places):
    embedded = Embedded(["base", "40", "80"], [SPLIT], [12, 20, 30], 30)
    settings = asked("gaussian", surrogates={"kinds": ["gaussian"]} | nulls)
    found = {
        (name, layer)
        for name in embedded.checkpoints
        for layer in embedded.layers
        if has_null_models(Cloud(name, SPLIT, layer, 0), embedded, settings)
    }
    assert found == places


def test_surrogates_are_read_by_the_estimators_that_are_asked_for():
    found = table("gaussian", surrogates={"kinds": ["gaussian"], "estimators": ["twonn"]})
    assert set(found["estimator"]) == {"twonn"}


def test_draws_differ_and_are_alike_at_every_checkpoint():
    base, later = (table("gaussian", checkpoint=name) for name in ("base", "80"))
    assert base["tokens"].nunique() == len(base)
    np.testing.assert_array_equal(base["tokens"], later["tokens"])
    other = table("gaussian", surrogates={"kinds": ["gaussian"], "draws": 3, "seed": 1})
    assert not set(other["tokens"]) & set(base["tokens"])


def test_null_models_of_tokens_are_passed_over_where_ids_may_not_be_passed_on():
    private = Readings(SPLIT, 4, 0, TOKENS.drop(columns="token_id"))
    kinds = ["gaussian", "token_means", "exchanged_residuals"]
    assert with_labels(asked(*kinds), private) == ["gaussian"]
    assert with_labels(asked(*kinds), Readings(SPLIT, 4, 0, TOKENS)) == kinds
    found = table(*kinds, tokens=TOKENS.drop(columns="token_id"))
    assert set(found["surrogate"]) == {"gaussian"}


def test_a_cloud_of_words_that_come_once_is_named():
    once = TOKENS.assign(token_id=np.arange(130))
    with pytest.raises(ValueError, match=r"token_means, base/news-test/seed-0/layer-03: tokens"):
        table("token_means", tokens=once)


def test_no_point_and_no_null_model_leave_no_row():
    assert table("gaussian", rows=ROWS[:2], points=X[:2]).empty
    assert list(table()) == SURROGATES


def test_a_second_fit_is_of_the_surrogate_where_the_null_model_needs_it():
    found = table("gaussian", "exchanged_residuals")
    of_gaussian = found["surrogate"] == "gaussian"
    assert found.loc[of_gaussian, ["tokens_again", "documents_again"]].isna().all(axis=None)
    labels = {"tokens": TOKENS["token_id"].to_numpy()[ROWS]}
    labels["documents"] = TOKENS["document"].to_numpy()[ROWS]
    names = ("surrogate", "exchanged_residuals", "news", "test", "3", "0", 2)
    drawn = surrogate(X, "exchanged_residuals", stream(0, *names), **labels).astype(X.dtype)
    again = surrogate(drawn, "exchanged_residuals", stream(0, *names, "again"), **labels)
    values = local_dimension(again.astype(X.dtype), 16)
    cell = found[~of_gaussian & (found["draw"] == 2) & (found["exclude"] == "none")]
    cell = cell[cell["estimator"] == "twonn"]
    assert cell["tokens_again"].item() == pytest.approx(values.mean(), rel=1e-9)
    assert cell["tokens_again"].item() != cell["tokens"].item()
