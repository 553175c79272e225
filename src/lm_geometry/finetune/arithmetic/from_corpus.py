"""The finetune stage's training on equations, from corpus columns to records."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from lm_geometry.finetune.arithmetic.loop import train
from lm_geometry.finetune.arithmetic.recipe import recipe
from lm_geometry.finetune.arithmetic.run import Measurement
from lm_geometry.finetune.live_curves import Watch
from lm_geometry.finetune.measured import Measured, MeasuredLoss, MeasuredScore, Records
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.arithmetic.equations import SolvedColumns, elements_of, from_columns
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.outs.data_prep.equations import Equations
from lm_geometry.outs.finetune.training_curves import CURVES

SCORES = ("loss", "accuracy", "weight_norm")


def learn(
    settings: Finetune,
    equations: Equations,
    training: Columns,
    held_out: Columns,
    work: Path,
    device: str,
    watch: Watch | None = None,
) -> Records:
    """What a run measured: its `steps`, `curve` and `scores`, as fine-tuning records them.

    Scores are of both splits, whole: loss (nat), accuracy, and the norm of all weights, at every
    measured step. The checkpoints stand in `work/checkpoints` when this returns, `base` among them.
    `watch` is called on the way, as fine-tuning calls it.
    """
    elements = elements_of(equations.operation, equations.modulus)
    # The task has no other corpus than equations: params.check.
    parts = (cast("SolvedColumns", columns) for columns in (training, held_out))
    divided = from_columns(*parts, elements=elements, seed=equations.seed)
    chosen = recipe(settings, settings.arithmetic, len(divided.train))

    def watched(so_far: Callable[[], list[Measurement]]) -> None:
        if watch is not None:
            watch(lambda: _records(so_far()))

    measured = train(chosen, divided, work, device, watch=watched)
    return {"steps": list(chosen.checkpoints), **_records(measured)}


def _records(measured: list[Measurement]) -> Measured:
    curve: list[MeasuredLoss] = [
        {"step": row["step"], "curve": CURVES[row["split"]], "loss": row["loss"]}
        for row in measured
    ]
    scores: list[MeasuredScore] = [
        {"step": row["step"], "split": row["split"], "score": name, "value": row[name]}
        for row in measured
        for name in SCORES
    ]
    return {"curve": curve, "scores": scores}
