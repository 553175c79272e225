"""A logistic combination of a few signals' scores, whose score of a run never saw that run."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from lm_geometry.point_cloud.shapes import Bool, Float64
from lm_geometry.signals.judged import Course

FOLDS = 5
RUNS_FOR_ONE = 10  # runs of the rarer kind that a feature needs


def combined(
    courses: Sequence[Sequence[Course]],
    groups: npt.ArrayLike | None = None,
    folds: int = FOLDS,
    seed: int = 0,
) -> list[Course]:
    """The courses of a combined score, one for each run, from those of several signals.

    `courses` has a sequence of runs for each signal, the same runs in the same order, measured at
    the same steps. At a step the features are ln(1 + the largest score so far) of each signal,
    standardised over the runs that are fitted. A logistic regression (scikit-learn, C = 1) of
    whether a run has the event is fitted to the runs of all other folds, at their steps up to the
    median event among them and before a run's own, each run weighing alike and both kinds together
    alike; its log-odds are the score. Folds keep `groups` together and shares of events alike. The
    threshold is chosen from these scores as from any signal's.

    Source: Peduzzi et al. 1996, J. Clin. Epidemiol. 49:1373: at least 10 events for each feature.
    Raises ValueError for runs that do not match, for scores below 0 or infinite, and for more
    features than the runs allow.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    runs = list(zip(*courses, strict=True))
    if not runs:
        raise ValueError("courses has no signal, or no run")
    first = [run[0] for run in runs]
    has_event = np.array([np.isfinite(course.event) for course in first], dtype=bool)
    fewest = min(int(has_event.sum()), int((~has_event).sum()))
    if fewest < RUNS_FOR_ONE * len(courses):
        raise ValueError(
            f"{len(courses)} signals are too many; {fewest} runs of the rarer kind allow "
            f"{fewest // RUNS_FOR_ONE}"
        )
    features = [_features(run) for run in runs]
    labels = np.arange(len(runs)) if groups is None else np.asarray(groups)
    parts = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    scores = [np.empty(0)] * len(runs)
    for fitted, left_out in parts.split(np.zeros(len(runs)), has_event, labels):
        last = float(np.median([first[run].event for run in fitted if has_event[run]]))
        before = [(c.steps <= last) & ~(c.steps >= c.event) for c in (first[run] for run in fitted)]
        rows = [features[run][kept] for run, kept in zip(fitted, before, strict=True)]
        predict = _fit(rows, has_event[fitted])
        for run in left_out:
            scores[run] = predict(features[run])
    return [course._replace(scores=one) for course, one in zip(first, scores, strict=True)]


def _features(run: Sequence[Course]) -> Float64[np.ndarray, "steps features"]:
    steps, first = run[0].steps, run[0]
    for course in run:
        if not np.array_equal(course.steps, steps):
            raise ValueError("courses of one run are measured at different steps")
        if not np.array_equal([course.event], [first.event], equal_nan=True):
            raise ValueError("courses of one run have different events: are runs in one order?")
        if not (np.isfinite(course.scores).all() and (course.scores >= 0).all()):
            raise ValueError("a combination takes scores of 0 and more, such as those of cusum")
    return np.column_stack([np.log1p(np.maximum.accumulate(course.scores)) for course in run])


def _fit(
    rows: Sequence[Float64[np.ndarray, "_ features"]], has_event: Bool[np.ndarray, "runs"]
) -> Callable[..., Float64[np.ndarray, "steps"]]:
    """A function from features to log-odds, fitted to the rows of these runs."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts = np.array([len(part) for part in rows])
    there = counts > 0
    share = np.where(has_event, 0.5 / (has_event & there).sum(), 0.5 / (~has_event & there).sum())
    weights = np.repeat(share[there] / counts[there], counts[there])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    y = np.repeat(has_event, counts)
    scale = len(weights) / weights.sum()  # as many rows as there are, so that C keeps its meaning
    model.fit(np.vstack(rows), y, logisticregression__sample_weight=weights * scale)
    return model.decision_function
