"""Tables of runs in which every signal's behaviour is known, and no model was trained."""

import numpy as np
import pandas as pd

from lm_geometry.studies.signals.definition import SignalStudy, planned
from lm_geometry.studies.signals.tables import Tables

APART = 14  # steps from one measurement to the next
STEPS = np.arange(0, 701, APART)
EVENT, TELLS, LATE = 504.0, 98, 602
COUNTS = {"seeds": 10, "most_seeds": 10, "of_each_kind": 40}
SETTINGS = {
    "grokking": {
        "train_fraction": [0.2, 0.5],
        "weight_decay": [0.1, 1.0],
        "learning_rate": [1e-3, 3e-3],
    },
    "classifier": {
        "texts": [300, 12000],
        "weight_decay": [0.0, 0.1],
        "learning_rate": [1e-4, 3e-4],
    },
}


def simulated_study(family: str) -> SignalStudy:
    """Eight settings of a family, ten seeds each."""
    told = {"question": "Does it?", "minutes": 1, "family": family, "settings": SETTINGS[family]}
    return SignalStudy.model_validate(told | COUNTS)


def simulated_runs(study: SignalStudy, tells: bool = True) -> Tables:
    """Half of each setting's runs have the event at 504.

    Where it `tells`, `local_dimension` rises from 98 on in these; `training_loss` falls from 602
    on, `weight_norm` rises from 98 on in all runs; the others are noise; D2L's turning point
    exceeds 2 in half of all runs.
    """
    generator = np.random.default_rng(0)
    runs, steps, seconds = [], [], []
    for number, one in enumerate(planned(study, study.seeds)):
        event = EVENT if one.seed % 2 else np.nan
        took = {"seconds_training": 10.0, "seconds_observing": 2.0}
        runs.append(
            {"run": one.name, "parameters": one.parameters, **one.setting, "seed": one.seed}
            | {"event": event, "diverged": np.nan, "budget": 700, **took}
        )
        names = ("local_dimension", "rankme", "training_loss", "gradient_norm", "weight_norm")
        rows = {name: generator.standard_normal(len(STEPS)) for name in names}
        jump = 40.0 * np.maximum(0, STEPS[:, None] - np.array([TELLS, LATE]) + APART) / APART
        if np.isfinite(event):
            rows["local_dimension"] += jump[:, 0] * tells
            rows["training_loss"] -= jump[:, 1]
        rows["weight_norm"] += jump[:, 0]
        rows["d2l_turning_point"] = np.where(STEPS == 406, 1.0 + 2 * (number // 2 % 2), 0.0)
        steps.append(pd.DataFrame({"run": one.name, "step": STEPS, **rows}))
        each = {"run": one.name, "signal": ["rankme", "local_dimension", "neighbours"]}
        seconds.append(pd.DataFrame(each | {"seconds": [1.0, 0.25, 0.5]}))
    return Tables(pd.DataFrame(runs), pd.concat(steps), pd.concat(seconds))
