"""Copies of a row are found by their values: exactly, whatever the hashes do."""

import numpy as np
import pytest

from lm_geometry import deduplicate
from lm_geometry.point_cloud.identical import first_equal, row_hashes


def values(dtype):
    limits = np.finfo(dtype)
    special = [0.0, -0.0, 1, -1, 2, 3, limits.max, -limits.max, limits.tiny / 4, -limits.tiny / 4]
    return np.array([*special, np.nan, -np.nan, np.inf, -np.inf], dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_one_coordinate_decides_hash_and_finiteness(dtype, width):
    X = np.zeros((width, len(values(dtype)), width), dtype)
    for c in range(width):
        X[c, :, c] = values(dtype)
    X = X.reshape(-1, width)
    hashes, finite = row_hashes(X)
    np.testing.assert_array_equal(finite, np.isfinite(X).all(axis=1))
    distinct = np.unique(X[finite] + 0.0, axis=0)
    assert len(np.unique(hashes[finite])) == len(distinct)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_the_first_of_equal_rows_is_kept(dtype, levels):
    X = np.random.default_rng(levels).integers(-levels, levels, (2000, 5)).astype(dtype)
    X[::7] *= -1  # turns zeros into minus zeros
    _, heads = np.unique(X + 0.0, axis=0, return_index=True)
    np.testing.assert_array_equal(deduplicate(X), np.sort(heads))


def test_colliding_hashes_do_no_harm():
    X = np.random.default_rng(0).integers(0, 2, (60, 4)).astype(np.float32)
    _, heads, inverse = np.unique(X, axis=0, return_index=True, return_inverse=True)
    for hashes in (np.zeros(60, np.uint64), (np.arange(60) % 1).astype(np.uint64) + X[:, 0] > 0):
        np.testing.assert_array_equal(
            first_equal(X, np.asarray(hashes, np.uint64)), heads[inverse.reshape(-1)]
        )


def test_nothing_to_do():
    assert deduplicate(np.empty((0, 4), np.float32)).size == 0
    np.testing.assert_array_equal(deduplicate(np.ones((1, 4))), [0])
    with pytest.raises(ValueError, match="NaN or infinite values in 1 rows: 2"):
        deduplicate(np.array([[0.0], [1.0], [np.nan]]))
