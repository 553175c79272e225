"""What several processes see to before the first step that they share."""

from typing import Any, cast

import torch
from transformers import PreTrainedModel

from lm_geometry.finetune.division import refuse_undivided
from lm_geometry.finetune.scored_trainer import ScoredTrainer
from lm_geometry.workspace.seeds import stream


def begin_together(trainer: ScoredTrainer) -> None:
    """See that the task can be divided, and draw dropout of its own in each process."""
    settings, together = trainer.task.settings, trainer.together
    examples, model = cast("Any", trainer.train_dataset), cast(PreTrainedModel, trainer.model)
    batch = trainer.task.batch([examples[at] for at in range(settings.batch_size)])
    refuse_undivided(model, trainer.task, batch, trainer.division.by_rows)
    torch.manual_seed(int(stream(settings.seed, "process", together.rank).integers(2**62)))
