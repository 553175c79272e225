"""Lines of a study's figure stand beside each other at a layer."""

import numpy as np
import pandas as pd

from lm_geometry.figures.nudged import SHARE
from lm_geometry.studies.figures.beside import beside


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
    data = pd.DataFrame(rows).assign(split="validation", x=[3, 5, 9] * len(lines))
    shares = beside(data)
    for panel, own in data.groupby("settings"):
        places = np.unique(shares[own.index])
        assert len(places) == (4 if panel == "one model" else 2)
        assert places.sum() == 0  # around the layer
        assert np.ptp(places) < 2 * SHARE  # of two layers, the distance of the nearest
    assert shares.groupby(data[names].agg(" ".join, axis=1)).nunique().max() == 1


def test_one_layer_has_no_neighbour_to_share_the_distance_to() -> None:
    rows = [{"settings": "", "corpus": name, "side": "base", "x": 5} for name in "ab"]
    assert (beside(pd.DataFrame(rows).assign(split="test")) == 0).all()
