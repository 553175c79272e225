"""What the Trainer's log holds of a run, in the end and while it goes on."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lm_geometry.finetune.live_curves import Watch
from lm_geometry.finetune.measured import Measured, MeasuredLoss, MeasuredScore
from lm_geometry.finetune.observed import Observer
from lm_geometry.finetune.scored_splits import measured_score
from lm_geometry.finetune.scored_trainer import ERROR, SCORE


class Watched(TrainerCallback):
    """Shows what was measured so far, from the first step on also of a run that was resumed."""

    def __init__(self, watch: Watch, observer: Observer | None) -> None:
        self.watch, self.observer = watch, observer

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.watch(lambda: measured_so_far(state.log_history, self.observer))


def measured_so_far(history: list[dict[str, float]], observer: Observer | None) -> Measured:
    """Losses, scores, and what the observer measured, in the order of the steps."""
    names = {"loss": "training", f"{SCORE}loss": "validation"}
    curve: list[MeasuredLoss] = [
        {"step": int(entry["step"]), "curve": curve, "loss": entry[key]}
        for entry in history
        for key, curve in names.items()
        if key in entry
    ]
    scores: list[MeasuredScore] = [
        measured_score(entry, key)
        for entry in history
        for key in sorted(entry)  # in the order in which a resumed run has them
        if key.startswith(SCORE) and not key.endswith(ERROR)
    ]
    if observer is None:
        return {"curve": curve, "scores": scores}
    watched = [one for entry in history for one in observer.measured(entry)]
    return {"curve": curve, "scores": scores, "watched": watched}
