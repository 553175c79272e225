"""A surrogate that keeps the mean and the covariance of a cloud, and the norm of each token."""

import warnings

import numpy as np

from lm_geometry.point_cloud.shapes import Float64
from lm_geometry.surrogates.directions import (
    Draw,
    Rows,
    about_mean,
    directions,
    nearest_orthonormal,
)
from lm_geometry.surrogates.gaussian import centred_normal, norms, with_norms_of
from lm_geometry.surrogates.turned_columns import (
    Columns,
    PerRank,
    PerToken,
    Wanted,
    turned_to_norms,
)

# To which error tilting and moments by turns go on before rows are turned. Where turning then gets
# stuck, a new draw goes on longer: a massive token on the wrong side cannot turn to the other.
NEAR = (0.3, 0.03, 0.003)
ENOUGH = 1e-6  # massive tokens leave no more digits
ROUNDS = 50  # at most
TOLD = 1e-3  # of the largest variance: from so much on it is told that covariance is not kept
PLACES = np.linspace(-28, 28, 13)  # logarithms of 1 − θ v, between which a root is looked for
HALVINGS = 12  # of the place between two of them


def gaussian_with_norms(X: Rows) -> Draw:
    """As `gaussian`, each row with the norm of the row of X that it stands for.

    Keeps the norms |x|, token by token (1e-12), and mean and covariance to 1e-6 at least, mostly
    1e-9, wherever rows have room to turn: not where tokens are so few, or so alike, that norms
    determine them, of which a warning tells. A Gaussian sample is tilted towards its norms and its
    moments set again, by turns, until it is near; then its rows are turned until both are right.
    What is drawn depends on mean, covariance and norms alone: a surrogate of a surrogate has the
    law of the first.
    Source: by turns, as in the surrogates of Schreiber, Schmitz 1996, PRL 77:635; tilting,
    Barndorff-Nielsen, Cox 1979, JRSS B 41:279; turning, `turned_to_norms`.
    Cost: O(tokens · width · min(tokens, width)) time; of a draw some ten to twenty times
    `gaussian`, and up to ten times that where it has to start again.
    """
    mean, centred = about_mean(X)
    _, sizes, axes = directions(centred)
    inside = mean @ axes.T
    squares = norms(X) ** 2 - max(mean @ mean - inside @ inside, 0)
    wanted = Wanted(inside, sizes, np.maximum(squares, 0))

    def started(rng: np.random.Generator, near: float) -> Columns:
        columns = nearest_orthonormal(centred_normal(X.shape, rng) @ axes.T)
        for _ in range(ROUNDS):
            if wanted.error(columns) <= near:
                break
            rows = tilted(columns, wanted)
            columns = nearest_orthonormal((rows - rows.mean(axis=0)) / sizes)
        return columns

    def draw(rng: np.random.Generator) -> Rows:
        found: list[Columns] = []
        for near in NEAR:
            found.append(turned_to_norms(started(rng, near), wanted))
            if wanted.error(found[-1]) <= ENOUGH:
                break
        nearest = min(found, key=wanted.error)
        rows = with_norms_of(X, mean + (nearest * sizes) @ axes)
        if wanted.error(nearest) > ENOUGH:
            _tell(rows, axes, sizes)
        return rows

    return draw


def _tell(rows: Rows, axes: Float64[np.ndarray, "rank width"], sizes: PerRank) -> None:
    """Warn where the covariance of these rows is not that of the cloud."""
    places = (rows - rows.mean(axis=0)) @ axes.T
    off = np.abs(places.T @ places - np.diag(sizes**2)).max() / sizes[0] ** 2
    if off > TOLD:
        warnings.warn(
            f"gaussian_with_norms: norms leave these {len(rows)} tokens too little room; a draw's "
            f"covariance is off by {off:.1g} of its largest variance",
            stacklevel=4,
        )


def tilted(columns: Columns, wanted: Wanted) -> Columns:
    """Rows `[tokens, rank]` of those orthonormal columns, each with the norm wanted of it.

    As a Gaussian that is given the mean of its squared norm: each direction's variance v becomes
    v / (1 − θ v), and its mean m becomes m / (1 − θ v), with one θ for each token, the largest of
    those that do so. So a row that is far longer than others is long where the cloud is; one that
    was stretched would be long in all directions.
    """
    variances = wanted.sizes**2 / wanted.sizes[0] ** 2

    def rows(factors: PerToken) -> Columns:
        scales = 1 / (1 - (1 - factors[:, None]) * variances)  # factors: 1 − θ v of the largest v
        return wanted.mean * scales + wanted.sizes * columns * np.sqrt(scales)

    def excess(logs: PerToken) -> PerToken:
        found = rows(np.exp(logs))
        return np.einsum("tr,tr->t", found, found) - wanted.squares

    tokens = len(columns)
    short = np.array([excess(np.full(tokens, place)) <= 0 for place in PLACES[1:]])
    first = np.where(short.any(axis=0), short.argmax(axis=0), len(PLACES) - 2)  # of 0: the shortest
    low, high = PLACES[first], PLACES[first + 1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = excess(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    longer, shorter = excess(low), excess(high)
    between = longer / np.where(longer > shorter, longer - shorter, 1)
    return rows(np.exp(low + np.clip(between, 0, 1) * (high - low)))
