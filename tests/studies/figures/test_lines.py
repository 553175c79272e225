"""Lines of a study's figure stand beside each other at a layer."""

import numpy as np
import pandas as pd

from lm_geometry.figures.nudged import SHARE
from lm_geometry.studies.figures.lines import _shares, _spacing


def test_lines_of_a_panel_stand_apart_around_their_layer() -> None:
    lines = [
        ("one model", "speeches", "base"),
        ("one model", "speeches", "fine-tuned"),
        ("one model", "encyclopaedia", "base"),
        ("one model", "encyclopaedia", "fine-tuned"),
        ("another", "news", "base"),
        ("another", "speeches", "base"),
    ]
    names = ["settings", "corpus", "side"]
    rows = [dict(zip(names, line, strict=True)) for line in lines for _ in range(3)]
    data = pd.DataFrame(rows).assign(split="validation")
    shares = _shares(data)
    for panel, own in data.groupby("settings"):
        places = np.unique(shares[own.index])
        assert len(places) == (4 if panel == "one model" else 2)
        assert places.sum() == 0  # around the layer
        assert np.ptp(places) < SHARE  # nowhere nearer to the next layer
    assert shares.groupby(data[names].agg(" ".join, axis=1)).nunique().max() == 1


def test_layers_are_as_far_apart_as_the_nearest_two() -> None:
    assert _spacing(pd.Series([12, 15, 18, 20, 20, 22])) == 2
    assert _spacing(pd.Series([5, 5])) == 0
