"""A surrogate keeps what it says, exactly or in expectation, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from lm_geometry import global_dimension
from lm_geometry.surrogates import KINDS, surrogate
from lm_geometry.surrogates.labels import order_within
from lm_geometry.surrogates.token_means import additive_means
from tests.surrogates.clouds import means_of, residuals_of, texts

SHAPES = [(80, 6), (20, 30)]  # and fewer tokens than coordinates
SEEDS = st.integers(0, 10**6)
QUICK = settings(max_examples=20)


def drawn(kind, seed=0, data=None, X=None):
    """A surrogate of the cloud of `data`, or of X with its labels."""
    data = data or texts()
    return surrogate(data.X if X is None else X, kind, seed, data.tokens, data.documents)


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=SEEDS)
@QUICK
def test_covariance_is_kept_where_components_are_permuted(shape, seed):
    X = texts(seed % 7, *shape).X
    found = drawn("permuted_components", seed, texts(seed % 7, *shape))
    np.testing.assert_allclose(found.mean(axis=0), X.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(np.cov(found.T), np.cov(X.T), atol=1e-9)
    assert np.abs(found - X).max() > 0.01


def test_marginals_of_principal_components_are_kept():
    """Nearly, where a Gaussian of the same covariance has others; and again of such a surrogate."""
    data = texts(n=600)
    data = data._replace(X=data.X**3 / 10)
    axes = np.linalg.eigh(np.cov(data.X.T))[1]

    def apart(Y):
        both = (((one - data.X.mean(axis=0)) @ axes).T for one in (Y, data.X))
        pairs = zip(*both, strict=True)
        return max(ks_2samp(*pair, method="asymp").statistic for pair in pairs)

    found = drawn("permuted_components", 0, data)
    assert apart(found) < 0.05
    assert apart(surrogate(found, "permuted_components", 1)) < 0.07
    assert apart(surrogate(data.X, "gaussian", 0)) > 0.15


def test_what_joins_components_in_a_token_is_destroyed():
    """Sizes of tokens join them: a token that is far in one component is far in others."""
    rng = np.random.default_rng(0)
    X = rng.lognormal(0, 0.7, (2000, 1)) * rng.standard_normal((2000, 3)) * [3, 2, 1]

    def joined(Y):
        return np.corrcoef(np.log(np.abs(Y - Y.mean(axis=0))).T)[0, 1]

    assert joined(X) > 0.2
    assert abs(joined(surrogate(X, "permuted_components", 0))) < 0.1
    assert abs(joined(surrogate(X, "gaussian", 0))) < 0.1
    assert joined(surrogate(X, "gaussian_with_norms", 0)) > 0.2


@pytest.mark.parametrize("kind", ["token_means", "exchanged_residuals"])
@pytest.mark.parametrize("shape", SHAPES)
@given(seed=SEEDS)
@QUICK
def test_token_means_are_kept(shape, kind, seed):
    data = texts(seed % 7, *shape)
    found = drawn(kind, seed, data)
    np.testing.assert_allclose(
        means_of(found, data.tokens), means_of(data.X, data.tokens), atol=1e-9
    )
    assert np.abs(found - data.X).max() > 0.01


def test_residuals_of_token_means_have_the_covariance_and_their_share_of_it():
    """1 − 1/n of it for a token of n, as residuals of n independent draws have."""
    data, draws = texts(n=40, width=3), 400
    freedom = 40 - len(np.unique(data.tokens))
    within = residuals_of(data.X, data.tokens)
    pooled = within.T @ within / freedom
    found = np.array(
        [residuals_of(drawn("token_means", s, data), data.tokens) for s in range(draws)]
    )
    scatter = np.einsum("dti,dtj->dij", found, found) / freedom
    np.testing.assert_allclose(scatter, np.broadcast_to(pooled, scatter.shape), atol=1e-12)
    names, counts = np.unique(data.tokens, return_counts=True)
    assert {1, 2} < set(counts)
    for name, count in zip(names, counts, strict=True):
        share = (found[:, data.tokens == name, 0] ** 2).mean() / pooled[0, 0]
        error = np.sqrt(2 / draws / max(count - 1, 1))
        assert share == pytest.approx(1 - 1 / count, abs=5 * error * (1 - 1 / count))


@given(seed=SEEDS)
@QUICK
def test_the_fit_by_token_and_document_is_that_of_least_squares(seed):
    data = texts(seed)
    tokens, documents = (
        np.unique(one, return_inverse=True)[1].astype(np.int64)
        for one in (data.tokens, data.documents)
    )
    effects = np.hstack([np.eye(tokens.max() + 1)[tokens], np.eye(documents.max() + 1)[documents]])
    expected = effects @ np.linalg.lstsq(effects, data.X, rcond=None)[0]
    np.testing.assert_allclose(additive_means(data.X, tokens, documents), expected, atol=1e-9)


def test_documents_that_share_no_token_have_a_fit():
    data = texts()
    found = surrogate(data.X, "exchanged_residuals", 0, data.documents, data.documents)
    np.testing.assert_allclose(
        means_of(found, data.documents), means_of(data.X, data.documents), atol=1e-9
    )


@given(seed=SEEDS)
@QUICK
def test_residuals_are_exchanged_inside_an_identity(seed):
    data = texts(seed % 7)
    tokens, documents = (
        np.unique(one, return_inverse=True)[1].astype(np.int64)
        for one in (data.tokens, data.documents)
    )
    fit = additive_means(data.X, tokens, documents)
    before, after = data.X - fit, drawn("exchanged_residuals", seed, data) - fit
    for one in range(tokens.max() + 1):
        sets = [rows[tokens == one] for rows in (before, after)]
        sets = [rows[np.argsort(rows @ np.geomspace(1, 9, rows.shape[1]))] for rows in sets]
        np.testing.assert_allclose(sets[0], sets[1], atol=1e-9)


def test_every_order_within_a_label_is_equally_likely():
    labels = np.array([7, 3, 7, 3, 7])
    rng = np.random.default_rng(0)
    orders = np.array([order_within(labels, rng) for _ in range(2400)])
    assert (labels[orders] == labels).all()
    found, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(found) == 12  # 3! · 2!
    assert ((counts - 200) ** 2 / 200).sum() < 33.1  # χ², 11 degrees of freedom, p = .0005
    in_place = (orders == np.arange(5)).sum(axis=1).mean()
    assert in_place == pytest.approx(2, abs=0.1)  # one of each identity


@pytest.mark.parametrize("kind", ["token_means", "exchanged_residuals"])
def test_tokens_that_occur_once_stay(kind):
    data = texts()
    names, counts = np.unique(data.tokens, return_counts=True)
    alone = np.isin(data.tokens, names[counts == 1])
    np.testing.assert_allclose(drawn(kind)[alone], data.X[alone], rtol=1e-12)
    assert (np.abs(drawn("token_means") - data.X)[~alone] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_gives_the_same_bits_and_another_others(kind):
    data = texts()
    first = drawn(kind, 5)
    assert first.dtype == np.float64
    assert first.shape == data.X.shape
    np.testing.assert_array_equal(first, drawn(kind, 5))
    np.testing.assert_array_equal(first, drawn(kind, np.random.default_rng(5)))
    assert (np.abs(first - drawn(kind, 6)).max(axis=1) > 0).mean() > 0.5
    rng = np.random.default_rng(5)
    drawn(kind, rng)
    assert (drawn(kind, rng) != first).any()


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_draws_alike_for_two_states(kind):
    data = texts()
    near = data.X + 1e-6 * np.random.default_rng(0).standard_normal(data.X.shape)
    assert np.abs(drawn(kind, 1, data, near) - drawn(kind, 1)).max() < 1e-3
    assert np.abs(drawn(kind, 2) - drawn(kind, 1)).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [-700, -40, 40, 500])
def test_a_surrogate_of_a_larger_cloud_is_as_much_larger(kind, power):
    X = np.ldexp(texts().X, power)
    np.testing.assert_allclose(
        np.ldexp(drawn(kind, 1, X=X), -power), drawn(kind, 1), rtol=1e-9, atol=1e-12
    )


def test_labels_are_names_or_numbers_of_any_kind():
    data = texts()
    numbers = np.unique(data.tokens, return_inverse=True)[1]
    for labels in (numbers, numbers - 7, numbers / 2, data.tokens.astype(object).tolist()):
        found = surrogate(data.X, "exchanged_residuals", 1, labels, data.documents.tolist())
        np.testing.assert_array_equal(found, drawn("exchanged_residuals", 1))


def test_a_cloud_of_one_place_is_its_own_surrogate():
    X = np.full((9, 3), 0.1)
    for kind in KINDS:
        found = surrogate(X, kind, 0, [0, 0, 0, 1, 1, 1, 2, 2, 2], np.arange(9) % 2)
        np.testing.assert_allclose(found, X, rtol=1e-15)


def test_a_gaussian_null_fills_the_space_that_a_surface_bends_in():
    rng = np.random.default_rng(0)
    sphere = rng.standard_normal((500, 3))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    assert global_dimension(sphere) == pytest.approx(2, abs=0.2)
    assert global_dimension(surrogate(sphere, "gaussian", 0)) == pytest.approx(3, abs=0.35)
    with_norms = surrogate(sphere, "gaussian_with_norms", 0)
    assert global_dimension(with_norms) == pytest.approx(2, abs=0.2)  # which lie on the sphere


def test_bad_input_is_refused():
    data = texts()
    X, tokens, documents = data
    with pytest.raises(ValueError, match="kind is 'bootstrap'; there are gaussian, "):
        surrogate(X, "bootstrap", 0)
    with pytest.raises(ValueError, match="needs tokens and documents"):
        surrogate(X, "exchanged_residuals", 0)
    with pytest.raises(ValueError, match="needs documents"):
        surrogate(X, "exchanged_residuals", 0, tokens)
    with pytest.raises(ValueError, match=r"documents has shape \(79,\); a label for each of 80"):
        surrogate(X, "gaussian", 0, tokens, documents[1:])
    with pytest.raises(ValueError, match=r"tokens has shape \(80, 1\)"):
        surrogate(X, "token_means", 0, tokens[:, None])
    for missing in (np.where(documents == 1, np.nan, documents), [None, *tokens[1:]]):
        with pytest.raises(ValueError, match="tokens has missing labels"):
            surrogate(X, "token_means", 0, missing)
    for kind in ("token_means", "exchanged_residuals"):
        with pytest.raises(ValueError, match="each label once"):
            surrogate(X, kind, 0, np.arange(80), documents)
    with pytest.raises(ValueError, match="X has 1 tokens; at least 2"):
        surrogate(X[:1], "gaussian", 0)
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 4"):
        surrogate(np.where(np.arange(80)[:, None] == 4, np.nan, X), "gaussian", 0)
    with pytest.raises(TypeError, match="seed is None"):
        surrogate(X, "gaussian", None)
