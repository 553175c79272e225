"""Colours of corpora, told apart with every colour vision: simulated, and measured in CIELAB."""

from itertools import combinations

import numpy as np
import pytest

from lm_geometry.figures.theme import CORPUS_COLOURS

# Machado, Oliveira, Fernandes 2009, table 1 (IEEE TVCG 15:1291), severity 1, of linear RGB.
VISIONS = {
    "trichromacy": np.eye(3),
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
# Of linear sRGB in units of white (D65), and CIE's 1976 formulas for L*, a* and b*.
TO_XYZ = np.array([[0.4339, 0.3763, 0.1898], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8728]])
EPSILON, KAPPA = 216 / 24389, 24389 / 27
LEAST = 15  # of ΔE; 2 is what a trained eye sees side by side


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(colour: str, vision: str) -> np.ndarray:
    seen = np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1)
    xyz = TO_XYZ @ seen
    x, y, z = np.where(xyz > EPSILON, np.cbrt(xyz), (KAPPA * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_white_and_black_are_where_they_belong() -> None:
    np.testing.assert_allclose(lab("#ffffff", "trichromacy"), [100, 0, 0], atol=0.1)
    np.testing.assert_allclose(lab("#000000", "trichromacy"), [0, 0, 0], atol=0.1)


@pytest.mark.parametrize("vision", VISIONS)
def test_any_two_corpora_are_told_apart(vision: str) -> None:
    seen = {colour: lab(colour, vision) for colour in CORPUS_COLOURS}
    near = [
        (one, other)
        for one, other in combinations(CORPUS_COLOURS, 2)
        if np.linalg.norm(seen[one] - seen[other]) < LEAST
    ]
    assert near == []
