"""A flat cloud's flat-equivalent dimension is its dimension; what the table has not is refused."""

from typing import Any

import numpy as np
import pytest

from lm_geometry import flat_equivalent, local_dimension
from lm_geometry.dimension.flat_equivalent import flat_readings
from lm_geometry.dimension.twonn import Cdf

RULES: tuple[Cdf, ...] = ("i/n", "(i-1)/n")


@pytest.mark.parametrize("cdf", RULES)
def test_the_table_is_whole_and_rises_with_the_dimension(cdf: Cdf) -> None:
    shapes = flat_readings()[cdf]
    assert set(shapes) == {"ball", "cube", "Gaussian", "sphere"}
    for of in shapes.values():
        assert of.readings.shape == tuple(map(len, of.axes))
        assert (np.diff(of.readings, axis=0) > 0).all()
        assert (of.readings < 1.1 * np.exp(of.axes[0])[:, None, None]).all()


@pytest.mark.parametrize("cdf", RULES)
@pytest.mark.parametrize(("tokens", "n_neighbors"), [(500, 32), (2000, 128), (10000, 256)])
def test_readings_of_the_table_have_their_own_dimension(
    tokens: int, n_neighbors: int, cdf: Cdf
) -> None:
    for name, of in flat_readings()[cdf].items():
        place = [
            int(np.abs(axis - np.log(value)).argmin())
            for axis, value in zip(of.axes[1:], (tokens, n_neighbors), strict=True)
        ]
        for d in (3, 11, 28):
            row = int(np.abs(of.axes[0] - np.log(d)).argmin())
            reading = of.readings[row, place[0], place[1]]
            found = flat_equivalent(reading, tokens, n_neighbors, cdf=cdf)
            assert found.lowest <= d * (1 + 1e-9), name
            assert found.highest >= d * (1 - 1e-9), name
            assert found.dimension == pytest.approx(d, rel=0.1)


@pytest.mark.parametrize("d", [3, 9])
def test_a_cloud_that_the_table_was_not_made_of_has_its_dimension(d: int) -> None:
    rng = np.random.default_rng(d)
    corner = rng.random((1300, d)) * np.linspace(0.8, 1.2, d)  # a box, no cube
    frame = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    X = corner @ frame[:d]
    found = [
        flat_equivalent(float(local_dimension(X, 90, cdf=cdf).mean()), 1300, 90, cdf=cdf)
        for cdf in RULES
    ]
    for one in found:
        assert one.dimension == pytest.approx(d, rel=0.07)
    assert found[0].dimension == pytest.approx(found[1].dimension, rel=0.01)


def test_it_lies_between_its_neighbours_in_the_table() -> None:
    read = [flat_equivalent(9.0, tokens).dimension for tokens in (1000, 1400, 2000)]
    assert read[1] == pytest.approx(np.sqrt(read[0] * read[2]), rel=0.01)
    rising = [flat_equivalent(reading, 3000).dimension for reading in np.arange(1.5, 25, 0.5)]
    assert (np.diff(rising) > 0).all()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"reading": 0.5}, "reading is 0.5; flat clouds of 1 to 60 dimensions, 2,000 tokens"),
        ({"reading": 90.0}, "reading is 90; flat clouds of 1 to 60"),
        ({"reading": np.nan}, "reading is nan; flat clouds"),
        ({"tokens": 400}, "tokens is 400; the table goes from 500 to 10,000"),
        ({"tokens": 2000.5}, "tokens is 2000.5; it must be a whole number"),
        ({"n_neighbors": 16}, "n_neighbors is 16; the table goes from 32 to 256"),
        ({"estimator": "mle"}, "the table is of estimator 'twonn'"),
        ({"discard": 0.2}, "discard 0.1, not of 'twonn', 'linear' and 0.2"),
        ({"cdf": "F"}, "cdf is 'F'; the table is of 'i/n' and"),
    ],
)
def test_what_the_table_has_not_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        flat_equivalent(**{"reading": 9.0, "tokens": 2000} | given)
