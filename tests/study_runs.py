"""Runs of a study with made-up tables of changes, from which its figures can be drawn."""

from typing import Any

import numpy as np
import pandas as pd

from lm_geometry.experiments.experiment import Experiment
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import Study
from lm_geometry.studies.numbers.collection import Collected
from tests.made_up_tree import MadeUpTree

LINES = {"kind": "lines", "title": "T", "value": "change"}
CHANGES = {1: [-1.0, -1.2, -1.1], 2: [-0.5, 0.4, 0.3], 3: [-2.0, -0.1, -1.9]}  # by layer, of runs
ALONE = {1: 0.001, 2: 0.04, 3: 0.045}  # p values of one run


def made_up_model(label: str, layers: int) -> ModelSource:
    """A model that was never loaded."""
    return ModelSource("m", label, "file:m", "decoder", layers, 8, "pretrained", 0)


def run_of(number: int, changes: dict[int, list[float]]) -> Collected:
    """Run `number` of one model, whose changes of corpus b are a hundredth of those of a."""
    cell = {"split": "test", "estimator": "twonn", "n_neighbors": 64.0, "checkpoint": "5"}
    cell |= {"level": "token", "exclude": "none"}
    cell |= {"lower": -3.0, "upper": 3.0, "values": 9, "documents": 9, "points": 25}
    rows = [
        cell | {"corpus": corpus, "layer": layer, "mean": values[number] * factor}
        for corpus, factor in (("a", 1.0), ("b", 0.01))
        for layer, values in changes.items()
    ]
    own: Any = pd.DataFrame(rows)
    p_values = own["layer"].map(ALONE) * np.where(own["corpus"] == "a", 1.0, 20.0)
    tested = own.assign(p_value=p_values, standardised_by_documents=7.0)
    tables = {"means": own, "changes": tested, "differences": own.assign(control="b")}
    params = {
        "model": {"name": "m"},
        "estimate": {
            "estimators": ["twonn"],
            "n_neighbors": [64],
            "cdf": "i/n",
            "exclude": ["none"],
        },
        "aggregate": {
            "n_neighbors": "last",
            "layer": -1,
            "checkpoint": "last",
            "exclude": "first",
        },
        "data_prep": {"train": "a"},
        "finetune": {"task": "causal_lm", "seed": number},
        "token_sample": {"seeds": [0, 1, 2]},
    }
    model = made_up_model("M", max(changes))
    experiment = Experiment(f"s-{number}", {"finetune.seed": number})
    return Collected(experiment, MadeUpTree({}), "c", "b", Params.of(params), model, tables)


def study(**figure: Any) -> Study:
    fields = {"question": "Q?", "minutes": 1, "grid": {"finetune.seed": [0, 1, 2]}}
    fields |= {"repeats": ["finetune.seed"], "figures": [LINES | figure]}
    return Study.model_validate(fields)
