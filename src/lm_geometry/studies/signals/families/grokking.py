"""Grokking: subtraction modulo 59, where a model may generalise long after it has memorised."""

import numpy as np
import numpy.typing as npt

from lm_geometry.finetune.arithmetic import loop
from lm_geometry.finetune.arithmetic.recipe import recipe
from lm_geometry.finetune.arithmetic.run import Run
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.arithmetic import equations
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.outs.data_prep.equations import Equations as Asked
from lm_geometry.signals.events import generalised
from lm_geometry.studies.signals.family import Family, Setting
from lm_geometry.studies.signals.observed import Probe, Texts, Training

MODULUS, BUDGET, EVERY = 59, 700, 14
PROBED = 500  # equations, of four tokens each
FIXED = {
    "method": "full",
    "steps": BUDGET,
    "precision": "bfloat16",
    "warmup_steps": 10,
    "betas": [0.9, 0.98],
    "schedule": "constant_with_warmup",
}
MODEL = {"layers": 1, "batches": "full", "width": 128}


def start(setting: Setting, seed: int) -> Training:
    """The training of the study `grokking_small`, of which the setting changes three numbers."""
    share = setting["train_fraction"]
    asked = {"modulus": MODULUS, "train_fraction": share, "seed": seed}
    divided = equations.make_equations(Asked.model_validate(asked))
    varied = {name: setting[name] for name in ("learning_rate", "weight_decay")}
    settings = Finetune.model_validate(FIXED | varied | {"seed": seed})
    own = Arithmetic.model_validate(MODEL)
    run = Run.start(recipe(settings, own, len(divided.train)), divided, "cpu")
    train, validation = (_texts(part) for part in (divided.train, divided.validation))
    probe = Probe.of(validation.first(PROBED), causal=True)
    return Training(
        run.model, train, validation, probe, lambda steps: loop.advance(run, steps), seed
    )


def _texts(part: equations.Equations) -> Texts:
    return Texts(part.ids, part.results, np.arange(len(part)))


def event(
    steps: npt.ArrayLike,
    accuracies: npt.ArrayLike,
    losses: npt.ArrayLike,
    documents: npt.ArrayLike,
) -> float:
    """The first measured step with a validation accuracy of 50 %."""
    return generalised(steps, accuracies)


FAMILY = Family(
    name="grokking",
    title="Grokking of a − b modulo 59",
    happens="generalises",
    varied=("train_fraction", "weight_decay", "learning_rate"),
    budget=BUDGET,
    every=EVERY,
    start=start,
    event=event,
    constants={"modulus": MODULUS, "probed": PROBED, **FIXED, **MODEL},
    megabytes=26.5,
)
