"""Signals of states equal computations written otherwise, closed forms, and published numbers."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.stats import entropy

from lm_geometry.dimension import global_dimension, local_dimension
from lm_geometry.observables.persistent_homology import persistent_homology_dimension
from lm_geometry.observables.spectrum import participation_ratio
from lm_geometry.signals import TrainingStep, signal_named
from lm_geometry.signals.of_states.batch_dimension import batch_dimension, turning_point


def states(n: int = 160, width: int = 24, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, width)) * np.arange(1, width + 1) ** -0.5 + 0.2


def read(name: str, **has: object) -> float:
    signal, step = signal_named(name), TrainingStep(0, **has)  # pyright: ignore[reportArgumentType]
    return signal.function(**{need: getattr(step, need) for need in signal.needs})


def test_local_dimensions_are_means_of_their_estimators() -> None:
    X = states(200)
    assert read("local_dimension", states=X) == local_dimension(X, 128).mean()
    distances = cKDTree(X).query(X, 21)[0][:, 1:]
    by_hand = [19 / np.sum(np.log(row[-1] / row[:-1])) for row in distances]
    assert read("local_dimension_mle", states=X) == pytest.approx(np.mean(by_hand), rel=1e-9)


def test_gride_at_three_scales_shares_one_graph() -> None:
    X = states(200)
    for scale in (2, 16, 128):
        assert read(f"gride_{scale}", states=X) == global_dimension(X, "gride", scale=scale)
    step = TrainingStep(0, states=X)
    assert step.neighbours is step.neighbours
    assert TrainingStep(0).neighbours is None


def test_gride_2_is_two_nearest_neighbours_by_maximum_likelihood() -> None:
    X = states(150)
    distances = cKDTree(X).query(X, 3)[0]
    ratios = np.log(distances[:, 2] / distances[:, 1])
    assert read("gride_2", states=X) == pytest.approx((len(X) - 1) / ratios.sum(), rel=1e-6)


def published_batch(X: np.ndarray, k: int) -> list[float]:
    """The definition of Ma et al., a row at a time."""
    found = []
    for i, row in enumerate(X):
        others = sorted(float(np.sqrt(((row - other) ** 2).sum())) for other in np.delete(X, i, 0))
        near = np.array(others[: min(k, len(others))])
        found.append(-len(near) / np.sum(np.log(near / near[-1] + 1e-8)))
    return found


def test_d2l_is_the_mean_over_batches_of_their_own_neighbours() -> None:
    X = states(70)
    order = np.random.default_rng(0).permutation(70)
    parts = [X[order[:32]], X[order[32:64]], X[order[64:]]]
    by_hand = np.mean([value for part in parts for value in published_batch(part, 20)])
    assert batch_dimension(X, batch=32) == pytest.approx(by_hand, rel=1e-9)
    assert batch_dimension(X[:41], batch=40) == pytest.approx(
        np.mean(published_batch(X[np.random.default_rng(0).permutation(41)[:40]], 20)), rel=1e-9
    )  # the batch of one row has no neighbours
    with pytest.raises(ValueError, match="batch is 1"):
        batch_dimension(X, batch=1)


def test_d2l_has_no_value_where_all_rows_are_equal() -> None:
    assert np.isnan(batch_dimension(np.ones((30, 4))))


def test_d2l_turns_where_a_value_leaves_the_five_before_it() -> None:
    falling = np.array([9, 8, 7, 6.5, 6, 5.8, 5.7, 5.65, 5.6, 5.58])
    assert np.isnan(turning_point(falling))  # ten values: not yet
    window = falling[-5:]
    z = turning_point(np.append(falling, 5.9))
    assert z == pytest.approx(
        (5.9 - window.mean()) / np.sqrt(((window - window.mean()) ** 2).mean())
    )
    assert z > 2 > turning_point(np.append(falling, 5.7))
    assert turning_point(np.append(np.full(11, 3.0), 4.0)) == np.inf
    assert turning_point(np.full(12, 3.0)) == 0
    missing = np.append(falling, [np.nan, 5.9])
    assert turning_point(missing) == turning_point(np.append(falling, [5.58, 5.9]))
    with pytest.raises(ValueError, match="series"):
        turning_point(np.ones((12, 2)))


def test_numbers_of_observables_are_passed_on() -> None:
    X = states()
    centred = X - X.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    assert read("effective_rank", states=X) == pytest.approx(np.exp(entropy(values)), rel=1e-7)
    assert read("participation_ratio", states=X) == pytest.approx(
        values.sum() ** 2 / (values**2).sum(), rel=1e-9
    )
    assert read("participation_ratio_corrected", states=X) == participation_ratio(X, True)
    plain = np.linalg.svd(X, compute_uv=False)
    assert read("rankme", states=X) == pytest.approx(np.exp(entropy(plain)), rel=1e-4)
    cosines = 1 - cdist(X, X, "cosine")
    assert read("mean_cosine", states=X) == pytest.approx(cosines.mean(), abs=1e-10)
    ranks = np.arange(11, 25)
    slope = np.polyfit(np.log(ranks), np.log(values[10:24]), 1, w=ranks**-0.5)[0]
    assert read("alpha_req", states=X) == pytest.approx(-slope, rel=1e-9)
    for power in (0, 1):
        found = read(f"persistent_homology_{power}", states=X)
        assert found == persistent_homology_dimension(X, power)


def test_distance_moved_is_in_units_of_the_norm_before() -> None:
    X, base = states(), states(seed=1)
    moved = np.linalg.norm(X - base, axis=1).mean() / np.median(np.linalg.norm(base, axis=1))
    assert read("distance_moved", states=X, base_states=base) == pytest.approx(moved, rel=1e-12)


SEQUENCES = np.repeat([7, 3, 5, 9], [50, 60, 49, 1])  # one of a single token


@pytest.mark.parametrize("width", [24, 80])
def test_prompt_entropy_is_that_of_singular_values(width: int) -> None:
    X = states(160, width)
    by_hand = [
        entropy(np.linalg.svd(X[one == SEQUENCES], compute_uv=False) ** 2) for one in (7, 3, 5)
    ]
    found = read("prompt_entropy", states=X, sequences=SEQUENCES)
    assert found == pytest.approx(np.mean(by_hand), rel=1e-9)


def test_prompt_entropy_of_orthogonal_tokens_is_the_logarithm_of_their_number() -> None:
    labels = np.zeros(8, dtype=int)
    assert read("prompt_entropy", states=np.eye(8) * 1e200, sequences=labels) == pytest.approx(
        np.log(8)
    )
    line = np.outer(np.arange(1.0, 9), [1.0, 2.0])
    assert read("prompt_entropy", states=line, sequences=labels) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="all 0"):
        read("prompt_entropy", states=np.zeros((8, 2)), sequences=labels)


def test_curvature_is_the_mean_angle_of_successive_steps() -> None:
    X = states()
    by_hand = []
    for one in (7, 3, 5):
        rows, angles = X[one == SEQUENCES], []
        for k in range(1, len(rows) - 1):
            a, b = rows[k] - rows[k - 1], rows[k + 1] - rows[k]
            angles.append(np.arccos(1 - squareform(pdist(np.stack([a, b]), "cosine"))[0, 1]))
        by_hand.append(np.mean(angles))
    found = read("curvature", states=X, sequences=SEQUENCES)
    assert found == pytest.approx(np.mean(by_hand), rel=1e-9)
    assert found == pytest.approx(2 * np.pi / 3, abs=0.1)  # independent tokens


def test_curvature_of_a_polygon_is_its_outer_angle() -> None:
    turns = np.exp(2j * np.pi * np.arange(12) / 12)
    polygon = np.column_stack([turns.real, turns.imag])
    one = np.zeros(12, dtype=int)
    assert read("curvature", states=polygon, sequences=one) == pytest.approx(np.pi / 6)
    line = np.outer(np.arange(12.0), [1.0, 3.0])
    assert read("curvature", states=line, sequences=one) == pytest.approx(0, abs=1e-7)
    back = np.array([[0.0], [1], [0], [1]])
    assert read("curvature", states=back, sequences=one[:4]) == pytest.approx(np.pi)
    still = np.array([[0.0, 1], [0, 1], [1, 1], [1, 2]])  # a step of length 0, then a right angle
    assert read("curvature", states=still, sequences=one[:4]) == pytest.approx(np.pi / 4)


def test_rows_of_a_sequence_need_not_stand_together() -> None:
    X = states()
    mixed = np.argsort(np.arange(160) % 7, kind="stable")
    order = np.argsort(SEQUENCES[mixed], kind="stable")
    assert read("curvature", states=X[mixed][order], sequences=SEQUENCES[mixed][order]) == (
        pytest.approx(read("curvature", states=X[mixed], sequences=SEQUENCES[mixed]), rel=1e-12)
    )


@pytest.mark.parametrize("name", ["prompt_entropy", "curvature"])
def test_signals_of_sequences_refuse_labels_that_are_none(name: str) -> None:
    X = states()
    with pytest.raises(ValueError, match="sequences has shape"):
        read(name, states=X, sequences=SEQUENCES[:5])
    with pytest.raises(ValueError, match="sequences has dtype float64"):
        read(name, states=X, sequences=SEQUENCES.astype(float))
    with pytest.raises(ValueError, match="the longest has 1"):
        read(name, states=X, sequences=np.arange(160))


def test_activation_novelty_is_a_normalised_entropy() -> None:
    A = states()
    shares = np.abs(A).sum(axis=0) / np.abs(A).sum()
    by_hand = entropy(shares, base=24)
    assert read("activation_novelty", activations=A) == pytest.approx(by_hand, rel=1e-12)
    alone = np.zeros((5, 6))
    alone[:, 2] = -3
    assert read("activation_novelty", activations=alone) == 0
    assert read("activation_novelty", activations=np.ones((5, 6))) == pytest.approx(1)
    with pytest.raises(ValueError, match="all 0"):
        read("activation_novelty", activations=np.zeros((5, 6)))
    with pytest.raises(ValueError, match="1 unit"):
        read("activation_novelty", activations=np.ones((5, 1)))


def test_ildr_is_a_ratio_of_two_mean_distances() -> None:
    X, labels = states(), np.arange(160) % 5
    centroids = [X[labels == c].mean(axis=0) for c in range(5)]
    apart = np.mean(
        [np.linalg.norm(centroids[a] - centroids[b]) for a in range(5) for b in range(a)]
    )
    scatter = np.mean([np.linalg.norm(x - centroids[c]) for x, c in zip(X, labels, strict=True)])
    assert read("ildr", states=X, classes=labels) == pytest.approx(apart / scatter, rel=1e-12)
    line = np.array([[0.0], [2], [10], [12]])
    assert read("ildr", states=line, classes=np.array([0, 0, 1, 1])) == 10
    assert read("ildr", states=line[[0, 0, 2, 2]], classes=np.array([0, 0, 1, 1])) == np.inf
    assert np.isnan(read("ildr", states=line[[0, 0, 0, 0]], classes=np.array([0, 0, 1, 1])))
    with pytest.raises(ValueError, match="1 class"):
        read("ildr", states=line, classes=np.zeros(4, dtype=int))
    with pytest.raises(ValueError, match="classes has shape"):
        read("ildr", states=line, classes=np.zeros(3, dtype=int))


def test_states_of_torch_read_as_those_of_numpy() -> None:
    X = states().astype(np.float32)
    has = {"sequences": SEQUENCES, "classes": SEQUENCES, "base_states": states(seed=1)}
    names = ["prompt_entropy", "curvature", "ildr", "rankme", "d2l_dimension", "gride_2"]
    for name in names:
        assert read(name, states=torch.from_numpy(X), **has) == read(name, states=X, **has), name


@pytest.mark.parametrize("name", [
    "local_dimension", "d2l_dimension", "rankme", "prompt_entropy", "curvature", "ildr",
    "distance_moved", "persistent_homology_1", "mean_cosine", "alpha_req", "gride_2",
])  # fmt: skip
def test_states_that_are_no_numbers_are_refused(name: str) -> None:
    X = states()
    X[3, 2] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 3"):
        read(name, states=X, sequences=SEQUENCES, classes=SEQUENCES, base_states=states(seed=1))
