"""Mean F1 over classes."""

from typing import Any

import numpy as np

from lm_geometry.point_cloud.shapes import Int64


def f1(
    gold: Int64[np.ndarray, " targets"],
    predicted: Int64[np.ndarray, " targets"],
    mean: str,
    without: int | None = None,
) -> float:
    """Mean F1 (`macro`, `weighted`, `micro`) over the classes that occur in either.

    That of one class may be left `without`. It is 0 of a class that is never predicted, and where
    no class is left.
    """
    from sklearn.metrics import f1_score

    classes = np.union1d(gold, predicted)
    classes = classes[classes != (-1 if without is None else without)]
    if not len(classes):
        return 0.0
    undefined: Any = 0
    found = f1_score(gold, predicted, labels=classes, average=mean, zero_division=undefined)
    return float(found)
