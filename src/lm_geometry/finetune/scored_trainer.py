"""A Trainer whose losses are means over all targets, and whose evaluation gives a task's scores."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

from lm_geometry.finetune.tasks.blocks import FixedExamples
from lm_geometry.finetune.tasks.task import Predictions, Task
from lm_geometry.models.body import without_cache
from lm_geometry.models.weight_norm import weight_norm

if TYPE_CHECKING:
    from peft import PeftModel

SCORE = "eval_"  # before the names of scores in the Trainer's log


class ScoredTrainer(Trainer):
    """The Hugging Face Trainer, for one task.

    Models of transformers differ in whether their own loss is a mean over a forward pass or over
    an optimiser step of several; here it is the latter for all of them.
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

    def compute_loss(self, model: nn.Module, inputs: Any, *more: Any, **named: Any) -> Any:
        """The Trainer's own, of a model that fills no cache."""
        return super().compute_loss(model, {**inputs, **without_cache(model)}, *more, **named)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The task's scores on the held-out examples, each named `eval_…`, which are logged.

        With them the norm of all weights, adapters as they would be merged.
        """
        assert self.model is not None
        scores = self.task.scores(self._predictions()) | {"weight_norm": weight_norm(self.model)}
        named = {f"{SCORE}{name}": value for name, value in scores.items()}
        self.log(named)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        return named

    def _predictions(self) -> Predictions:
        dataset, model = self.eval_dataset, self.model
        assert isinstance(dataset, FixedExamples)
        assert model is not None
        size = 1 if self.task.alone else self.args.per_device_eval_batch_size
        model.eval()
        total, predicted, gold = 0.0, [], []
        for start in range(0, len(dataset), size):
            places = range(start, min(start + size, len(dataset)))
            batch = self._prepare_inputs(self.task.batch([dataset[place] for place in places]))
            for logits, classes in self._rows(model, batch):
                losses = cross_entropy(logits.float(), classes, reduction="none")
                total += float(losses.cpu().double().sum())
                predicted.append(logits.argmax(dim=-1).cpu().numpy())
                gold.append(classes.cpu().numpy())
        if not sum(map(len, gold)):
            raise ValueError("finetune.evaluation_sequences: nothing is predicted in them")
        return Predictions(total / sum(map(len, gold)), predicted, gold)

    def _rows(self, model: nn.Module, batch: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """For each example its logits `[targets, classes]` and the classes `[targets]`."""
        labels = self.task.targets(batch.pop("labels"))
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = model(**batch, **without_cache(model)).logits
        number = len(labels)
        logits, labels = logits.reshape(number, -1, logits.shape[-1]), labels.reshape(number, -1)
        for scores, classes in zip(logits, labels, strict=True):
            asked = classes != -100
            yield scores[asked], classes[asked]


def mean_loss(task: Task) -> Callable[..., Tensor]:
    """The loss that is minimised: cross-entropy, summed over the targets of a forward pass and
    divided by their number in the whole optimiser step."""

    def loss(
        outputs: Mapping[str, Tensor],
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        logits = outputs["logits"]
        targets = task.targets(labels).reshape(-1)
        logits = logits.reshape(len(targets), logits.shape[-1])
        number = (targets != -100).sum() if num_items_in_batch is None else num_items_in_batch
        return cross_entropy(logits.float(), targets, reduction="sum") / number

    return loss
