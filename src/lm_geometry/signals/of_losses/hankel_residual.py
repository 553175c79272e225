"""Hankel-DMD residual: how badly a linear law fits the recent course of a distribution of losses.

The paper's abstract names the parts: an observable of single examples, quantiles as coordinates,
dynamic mode decomposition of delays, the residual of its reconstruction. It does not give numbers:
quantiles, window, delays and rank are ours.
"""

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.loops import single_threaded_blas
from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.signals.declaration import Signal

QUANTILES, WINDOW, DELAYS, RANK = 16, 20, 5, 4


def hankel_residual(
    example_losses: npt.ArrayLike,
    window: int = WINDOW,
    delays: int = DELAYS,
    rank: int = RANK,
) -> float:
    """The share of the last `window` steps' course that its own linear dynamics do not rebuild.

    Each step's losses become 16 quantiles, at levels (j − ½)/16: in them Euclid's distance is
    Wasserstein's. Columns h_i = (y_i … y_(i+delays−1)); exact dynamics A of least squares from each
    column to the next, in the first `rank` left singular vectors of the columns; from the first
    column on ĥ_i = Aⁱ h_0; Frobenius norm of ĥ − h over that of h. NaN before `window` steps, and
    where all losses are 0. Rank is cut to what the columns have.

    Source: Wang, Ying, Kanamori 2026, arXiv:2605.08237; Hankel-DMD: Arbabi, Mezić 2017, SIAM
    Journal on Applied Dynamical Systems 16:2096.
    Class: training labels, of training examples.
    Cost: a decomposition of a matrix of 16 · delays by window.
    Range: 0, linear, and more.
    Raises ValueError for a window of fewer than delays + 2 steps, for delays or a rank below 1, and
    for NaN or infinite losses.
    """
    if delays < 1 or rank < 1 or window < delays + 2:
        raise ValueError(
            f"window is {window}, delays {delays}, rank {rank}; at least delays + 2, 1 and 1"
        )
    losses = np.asarray(example_losses, dtype=np.float64)
    if losses.ndim != 2 or not losses.shape[1]:
        raise ValueError(f"example_losses has shape {losses.shape}; it is [steps, examples]")
    losses = losses[-window:]
    if not np.isfinite(losses).all():
        raise ValueError("example_losses has NaN or infinite values")
    if len(losses) < window:
        return float("nan")
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    courses = np.quantile(losses, levels, axis=1)  # [quantiles, window]
    if not courses.any():
        return float("nan")
    columns = np.vstack([courses[:, i : window - delays + 1 + i] for i in range(delays)])
    with single_threaded_blas():
        rebuilt = _rebuilt(columns / np.abs(columns).max(), rank)
    return rebuilt


def _rebuilt(columns: Float64[np.ndarray, "rows times"], rank: int) -> float:
    before, after = columns[:, :-1], columns[:, 1:]
    U, sizes, Vt = np.linalg.svd(before, full_matrices=False)
    kept = min(rank, int((sizes > sizes[0] * 1e-10).sum()))
    U, sizes, Vt = U[:, :kept], sizes[:kept], Vt[:kept]
    step = U.T @ after @ Vt.T / sizes
    place, wrong = U.T @ columns[:, 0], 0.0
    for column in columns.T:
        wrong += float(((U @ place - column) ** 2).sum())
        place = step @ place
    return float(np.sqrt(wrong / (columns**2).sum()))


HANKEL_RESIDUAL = Signal(
    name="hankel_dmd_residual",
    function=hankel_residual,
    labels="training",
    source="arXiv:2605.08237",
    cost="an SVD of 80 × 15",
    past=("example_losses",),
    range=(0.0, np.inf),
)
