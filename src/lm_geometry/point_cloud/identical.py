"""Rows with the same values: found by bytes."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, in_shape, refuse_rows
from lm_geometry.point_cloud.loops import compiled, over_rows
from lm_geometry.point_cloud.shapes import Bool, Float, Int64, UInt64

# Of one float64, or of two float32, in a word of 64 bits: the signs, and what carries into them
# from the magnitudes that are not zero, and from those that are NaN or infinite.
SIGNS = {8: 0x8000000000000000, 4: 0x8000000080000000}
NOT_ZERO = {8: 0x7FFFFFFFFFFFFFFF, 4: 0x7FFFFFFF7FFFFFFF}
NOT_FINITE = {8: 0x0010000000000000, 4: 0x0080000000800000}


@compiled
def _mixed(word, signs, not_zero):
    magnitude = word & ~signs
    word &= magnitude | ((magnitude + not_zero) & signs)  # -0.0 equals 0.0
    return word ^ (word >> np.uint64(32))


@compiled
def _hash_four(a, b, c, d, keys, bits, hashes, finite):
    signs, not_zero, not_finite = bits
    of_a = of_b = of_c = of_d = np.uint64(0)
    bad_a = bad_b = bad_c = bad_d = np.uint64(0)
    for i in range(keys.size):
        of_a += keys[i] * _mixed(a[i], signs, not_zero)
        of_b += keys[i] * _mixed(b[i], signs, not_zero)
        of_c += keys[i] * _mixed(c[i], signs, not_zero)
        of_d += keys[i] * _mixed(d[i], signs, not_zero)
        bad_a |= (a[i] & ~signs) + not_finite
        bad_b |= (b[i] & ~signs) + not_finite
        bad_c |= (c[i] & ~signs) + not_finite
        bad_d |= (d[i] & ~signs) + not_finite
    hashes[0], hashes[1], hashes[2], hashes[3] = of_a, of_b, of_c, of_d
    finite[0], finite[1] = bad_a & signs == 0, bad_b & signs == 0
    finite[2], finite[3] = bad_c & signs == 0, bad_d & signs == 0


@compiled
def _hash_rows(words, keys, bits, hashes, finite):
    """Four rows far from each other at a time: memory serves their streams side by side."""
    quarter, last = (words.shape[0] + 3) // 4, words.shape[0] - 1
    four, are_finite = np.empty(4, np.uint64), np.empty(4, np.bool_)
    for a in range(quarter):
        b, c = min(a + quarter, last), min(a + 2 * quarter, last)
        d = min(a + 3 * quarter, last)
        _hash_four(words[a], words[b], words[c], words[d], keys, bits, four, are_finite)
        hashes[a], hashes[b], hashes[c], hashes[d] = four[0], four[1], four[2], four[3]
        finite[a], finite[b] = are_finite[0], are_finite[1]
        finite[c], finite[d] = are_finite[2], are_finite[3]


def row_hashes(
    X: Float[np.ndarray, "tokens width"],
) -> tuple[UInt64[np.ndarray, "tokens"], Bool[np.ndarray, "tokens"]]:
    """A 64-bit hash of every row `[tokens]`, and which rows are finite, in one reading.

    Rows of equal values have equal hashes: sums of words times keys (multilinear; Carter and
    Wegman 1979, J. Comput. Syst. Sci. 18).
    """
    size = X.dtype.itemsize if X.strides[0] % 8 == 0 else 8
    bits = (np.uint64(SIGNS[size]), np.uint64(NOT_ZERO[size]), np.uint64(NOT_FINITE[size]))
    keys = np.random.default_rng(0).integers(0, 2**64, X.shape[1] * size // 8, np.uint64)
    keys |= np.uint64(1)
    hashes, finite = np.empty(len(X), np.uint64), np.empty(len(X), np.bool_)

    def work(first: int, last: int) -> None:
        rows = X[first:last] if size == X.dtype.itemsize else X[first:last].astype(np.float64)
        words = rows.view(np.uint64)
        _hash_rows(words, keys, bits, hashes[first:last], finite[first:last])

    over_rows(work, len(X))
    return hashes, finite


def as_grouped_cloud(
    X: PointCloud, at_least: int = 3
) -> tuple[Float[np.ndarray, "tokens width"], Int64[np.ndarray, "tokens"]]:
    """`X` as `as_cloud` gives it, and for every row the first row that equals it, `[tokens]`.

    That is the row itself where none comes before. −0.0 equals 0.0. Raises as `as_cloud`.
    """
    points = in_shape(X, at_least)
    hashes, finite = row_hashes(points)
    refuse_rows(X, points, np.flatnonzero(~finite))
    return points, first_equal(points, hashes)


def first_equal(
    X: Float[np.ndarray, "tokens width"], hashes: UInt64[np.ndarray, "tokens"]
) -> Int64[np.ndarray, "tokens"]:
    """For every row the first row that equals it, given hashes that are equal for equal rows."""
    order = np.argsort(hashes)
    ordered, first = hashes[order], np.arange(len(X))
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(X)])
    if len(starts) == len(X):
        return first
    first[order] = np.repeat(np.minimum.reduceat(order, starts), np.diff(np.r_[starts, len(X)]))
    copies = np.flatnonzero(first != np.arange(len(X)))
    for row in copies[~_equal_rows(X, copies, first[copies])]:  # hashes may collide: values decide
        alike = np.flatnonzero(hashes == hashes[row])
        first[row] = next(other for other in alike if np.array_equal(X[row], X[other]))
    return first


@compiled
def _equal_rows(X, rows, others):
    equal = np.empty(rows.size, np.bool_)
    for r in range(rows.size):
        differ = 0
        for c in range(X.shape[1]):
            differ += X[rows[r], c] != X[others[r], c]
        equal[r] = differ == 0
    return equal
