"""How far a training run is, where there is no terminal: the Trainer's own bar needs one."""

import sys
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lm_geometry.workspace.progress import Work


class ToldSteps(TrainerCallback):
    """Tells `work` how many steps are done; a resumed run from the step at which it resumes."""

    def __init__(self, work: Work) -> None:
        self.work = work
        work.has_bar = sys.stderr.isatty()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.work.first = self.work.done = state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self.work.go_on(state.global_step)
