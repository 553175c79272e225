"""A Trainer whose losses are means over all targets, and whose evaluation gives a task's scores."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

from lm_geometry.finetune.tasks.blocks import FixedExamples
from lm_geometry.finetune.tasks.task import Answer, Predictions, Task
from lm_geometry.models.body import without_cache
from lm_geometry.models.weight_norm import weight_norm

if TYPE_CHECKING:
    from peft import PeftModel

SCORE = "eval_"  # before the names of scores in the Trainer's log
HELD_OUT = "validation"  # the split whose scores have no other prefix


class ScoredTrainer(Trainer):
    """The Hugging Face Trainer, for one task.

    Models of transformers differ in whether their own loss is a mean over a forward pass or over
    an optimiser step of several; here it is the latter for all of them. `scored` are the examples
    of each split that is scored at every checkpoint, the held-out one first.
    """

    def __init__(
        self,
        task: Task,
        model: "PreTrainedModel | PeftModel",
        args: TrainingArguments,
        callbacks: list[TrainerCallback],
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            data_collator=task.batch,
            compute_loss_func=mean_loss(task),
            callbacks=callbacks,
        )
        self.task = task
        self.scored: dict[str, FixedExamples] = {}

    def compute_loss(self, model: nn.Module, inputs: Any, *more: Any, **named: Any) -> Any:
        """The Trainer's own, of a model that fills no cache."""
        return super().compute_loss(model, {**inputs, **without_cache(model)}, *more, **named)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The task's scores on the held-out examples, each named `eval_…`, which are logged.

        With them the norm of all weights, adapters as they would be merged. Scores of another
        split are named `eval_SPLIT/…`.
        """
        assert self.model is not None
        named: dict[str, float] = {}
        for split, examples in self.scored.items():
            scores, prefix = self.task.scores(self._predictions(split, examples)), f"{split}/"
            if split == HELD_OUT:
                scores, prefix = scores | {"weight_norm": weight_norm(self.model)}, ""
            named |= {f"{SCORE}{prefix}{name}": value for name, value in scores.items()}
        self.log(named)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        return named

    def _predictions(self, split: str, dataset: FixedExamples) -> Predictions:
        model = self.model
        assert model is not None
        size = 1 if self.task.alone else self.args.per_device_eval_batch_size
        model.eval()
        answers: list[Answer] = []
        for start in range(0, len(dataset), size):
            places = range(start, min(start + size, len(dataset)))
            batch = self._prepare_inputs(self.task.batch([dataset[place] for place in places]))
            labels = batch.pop("labels")
            with torch.no_grad(), self.compute_loss_context_manager():
                logits = model(**batch, **without_cache(model)).logits
            answers += self.task.answers(logits, labels)
        targets = sum(answer.targets for answer in answers)
        if not targets:
            raise ValueError(
                f"finetune.evaluation_sequences: nothing is predicted in them ({split})"
            )
        sums = dict.fromkeys(answers[0].losses, 0.0)
        for answer in answers:
            sums = {name: total + answer.losses[name] for name, total in sums.items()}
        means = {name: total / targets for name, total in sums.items()}
        return Predictions(
            means.pop("loss"),
            [answer.predicted for answer in answers],
            [answer.gold for answer in answers],
            means,
            dataset.examples,
        )


def mean_loss(task: Task) -> Callable[..., Tensor]:
    """The loss that is minimised, as the Trainer asks for it: the task's own."""

    def loss(
        outputs: Mapping[str, Tensor],
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        return task.loss(outputs["logits"], labels, num_items_in_batch)

    return loss
