"""Which signals of a class of labels to watch for a family's event, and how well they do."""

from dataclasses import dataclass

import numpy as np

from lm_geometry.signals.declaration import Labels
from lm_geometry.signals.judged import Judged
from lm_geometry.signals.thresholds import rate
from lm_geometry.studies.signals.judging import Found, difference_of

DISQUALIFY = {1, 4}  # tests: a signal that lies as often as it tells, or has no threshold


@dataclass(frozen=True)
class Watched:
    """Signals worth watching, the one that detects most first.

    They are those that no test refutes (`passes`); where every one is refuted, those which detect
    more than they lie at a threshold that holds. The first is not called best while there are
    `alike`: others of them for which the interval of the difference in detection holds 0.
    """

    signals: tuple[str, ...]
    passes: bool
    alike: tuple[str, ...]


def watched(found: Found, labels: Labels) -> Watched:
    """Those of one class: signals of different classes are not compared."""
    own = found.table.loc[found.table["labels"] == labels, "signal"].tolist()
    passing = [name for name in own if not found.refuted[name]]
    kept = passing or [name for name in own if not DISQUALIFY & set(found.refuted[name])]
    kept.sort(key=lambda name: _by_detection(found.verdicts[name], name))
    alike = [name for name in kept[1:] if not detects_more(found, kept[0], name)]
    return Watched(tuple(kept), bool(passing), tuple(alike))


def detects_more(found: Found, one: str, other: str) -> bool:
    """Whether one signal detects more events than another, beyond what the draw of runs explains.

    The interval of the difference, of the same draws of runs, lies above 0.
    """
    mine, its = found.verdicts[one], found.verdicts[other]
    return difference_of(mine, its, "detected").lower > 0


def share_of_lies(found: Judged) -> float:
    """The share of runs without the event that alarm."""
    return rate(found.false_alarms, found.without_event).value


def _by_detection(found: Judged, name: str) -> tuple[float, float, str]:
    lead = found.numbers["lead"].value
    return -found.numbers["detected"].value, -np.nan_to_num(lead, nan=-np.inf), name
