"""What gradients of single examples agree on: two criteria of signal to noise."""

import numpy as np

from lm_geometry.point_cloud.cloud import PointCloud, as_cloud
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal


def gradient_signal_to_noise(example_gradients: PointCloud) -> float:
    """The mean over parameters of E[g]² / Var[g], moments over the training examples.

    `example_gradients` `[examples, parameters]`; Var is over the examples given (not n − 1), so
    that few examples read too high, by 1/n about. Parameters whose gradient is the same for all
    examples, as dead ones', are left out.

    Source: Liu et al. 2020, ICLR, arXiv:2001.07384 (GSNR).
    Class: training labels.
    Cost: O(examples · parameters), and a gradient of each example.
    Range: 0 and more.
    Raises ValueError for fewer than two examples, where no parameter varies, and as `as_cloud`.
    """
    means, variances, _ = _moments(example_gradients)
    return float(np.mean(means**2 / variances))


def evidence_criterion(example_gradients: PointCloud) -> float:
    """1 − |S|/D Σₖ gₖ² / Σ̂ₖ: above 0 a batch gradient is no larger than its own noise.

    g is the mean of the `example_gradients` `[|S|, D]` of a batch, Σ̂ their variance (n − 1). It is
    2/D times the log-evidence, up to a constant, of gradients whose expectation is 0; published:
    stop where it exceeds 0. Parameters whose gradient is the same for all examples are left out.

    Source: Mahsereci, Balles, Lassner, Hennig 2017, arXiv:1703.09580, eq. 7, for plain SGD.
    Class: training labels.
    Cost: O(examples · parameters), and a gradient of each example.
    Range: up to 1.
    Raises ValueError as `gradient_signal_to_noise`.
    """
    means, variances, examples = _moments(example_gradients)
    unbiased = variances * examples / (examples - 1)
    return float(1 - examples * np.mean(means**2 / unbiased))


def _moments(
    example_gradients: PointCloud,
) -> tuple[Float64[np.ndarray, "kept"], Float64[np.ndarray, "kept"], int]:
    """Mean and variance over examples of the parameters that vary, and how many examples."""
    rows = as_cloud(example_gradients, 2).astype(np.float64)
    largest = np.abs(rows).max(axis=0)
    varies = (rows != rows[0]).any(axis=0)
    if not varies.any():
        raise ValueError("example_gradients are the same for all examples: there is no noise")
    scaled = rows[:, varies] / largest[varies]  # a ratio, which no scale of a parameter moves
    return scaled.mean(axis=0), scaled.var(axis=0), len(rows)


GSNR = Signal(
    name="gsnr",
    function=gradient_signal_to_noise,
    labels="training",
    source="arXiv:2001.07384",
    cost="O(examples · parameters)",
    needs=("example_gradients",),
    range=(0.0, np.inf),
)
EVIDENCE = Signal(
    name="evidence_criterion",
    function=evidence_criterion,
    labels="training",
    source="arXiv:1703.09580",
    cost="O(examples · parameters)",
    needs=("example_gradients",),
    range=(-np.inf, 1.0),
    rule="level",
    published=0.0,
)
