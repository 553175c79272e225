"""A Trainer whose losses are means over all targets, and whose evaluation gives a task's scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

from lm_geometry.finetune.division import Division, Passes
from lm_geometry.finetune.score_errors import score_errors
from lm_geometry.finetune.shared_norm import shared_norm
from lm_geometry.finetune.spread_weights import whole_weights
from lm_geometry.finetune.tasks.blocks import FixedExamples
from lm_geometry.finetune.tasks.task import Answer, Example, Predictions, Task
from lm_geometry.finetune.together import Processes
from lm_geometry.models.body import without_cache
from lm_geometry.models.weight_norm import weight_norm
from lm_geometry.workspace.progress import progress

if TYPE_CHECKING:
    from peft import PeftModel

SCORE = "eval_"  # before the names of scores in the Trainer's log
HELD_OUT = "validation"  # the split whose scores have no other prefix
ERROR = "_standard_error"  # after the name of a score


class ScoredTrainer(Trainer):
    """The Hugging Face Trainer, for one task.

    Models of transformers differ in whether their own loss is a mean over a forward pass or over
    an optimiser step of several; here it is the latter for all of them. `scored` are the examples
    of each split that is scored at every checkpoint, the held-out one first. Of several processes
    each trains on its part of every step and scores some batches; all have the same scores.
    """

    def __init__(
        self,
        task: Task,
        model: "PreTrainedModel | PeftModel",
        args: TrainingArguments,
        callbacks: list[TrainerCallback],
        together: Processes,
        division: Division,
    ) -> None:
        super().__init__(
            model=model,
            args=args,
            data_collator=task.batch,
            compute_loss_func=mean_loss(task),
            callbacks=callbacks,
        )
        self.task, self.together, self.division = task, together, division
        self.scored: dict[str, FixedExamples] = {}

    def compute_loss(self, model: nn.Module, inputs: Any, *more: Any, **named: Any) -> Any:
        """The Trainer's own, of a model that fills no cache."""
        inner = self.accelerator.unwrap_model(model)  # which a copy of DDP's is around
        return super().compute_loss(model, {**inputs, **without_cache(inner)}, *more, **named)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The Trainer's own; of spread weights the whole, by the first process."""
        if not self.together.spread:
            super().save_model(output_dir, _internal_call)
            return
        assert self.model is not None
        self._save(output_dir, state_dict=whole_weights(self.model))

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The Trainer's own; of several processes the part of each."""
        if self.together.count == 1:
            return super().get_train_dataloader()
        dataset: Any = self.train_dataset
        settings = self.task.settings
        passes = Passes(len(dataset), settings.batch_size, self.division)
        collate = self.division.share(self.task.batch, settings.task)
        return DataLoader(dataset, batch_sampler=passes, collate_fn=collate)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The task's scores on the held-out examples, each named `eval_…`, which are logged.

        With them the norm of all weights, adapters as they would be merged, and the learning rate
        of the step. Scores of another split are named `eval_SPLIT/…`, and standard errors over
        documents as their score, with `ERROR` at the end.
        """
        assert self.model is not None
        named: dict[str, float] = {}
        for split, dataset in self.scored.items():
            answers = self._answers(split, dataset)
            scores, prefix = self._scores(answers, dataset.examples), f"{split}/"
            errors = score_errors(answers, dataset.examples, self._scores)
            scores |= {f"{name}{ERROR}": value for name, value in errors.items()}
            if split == HELD_OUT:
                rate = float(self._get_learning_rate())
                norm = shared_norm if self.together.spread else weight_norm
                scores |= {"weight_norm": norm(self.model), "learning_rate": rate}
                prefix = ""
            named |= {f"{SCORE}{prefix}{name}": value for name, value in scores.items()}
        self.log(named)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, named)
        return named

    def _answers(self, split: str, dataset: FixedExamples) -> list[Answer]:
        model = self.model
        assert model is not None
        size = 1 if self.task.alone else self.args.per_device_eval_batch_size
        model.eval()
        starts = range(0, len(dataset), size)
        rounds = -(-len(starts) // self.together.count)
        own: list[list[Answer]] = []
        for number in progress(range(rounds), f"scoring {split}"):
            # All take part in each pass: what is left over is scored again, and not counted.
            place = min(number * self.together.count + self.together.rank, len(starts) - 1)
            own.append(self._answer(dataset, starts[place], size))
        by_rank = self.together.gathered(own)
        in_turn = [one[number] for number in range(rounds) for one in by_rank]
        answers = [answer for batch in in_turn[: len(starts)] for answer in batch]
        if not sum(answer.targets for answer in answers):
            raise ValueError(
                f"finetune.evaluation_sequences: nothing is predicted in them ({split})"
            )
        return answers

    def _answer(self, dataset: FixedExamples, start: int, size: int) -> list[Answer]:
        model = self.model
        assert model is not None
        places = range(start, min(start + size, len(dataset)))
        batch = self._prepare_inputs(self.task.batch([dataset[place] for place in places]))
        labels = batch.pop("labels")
        with torch.no_grad(), self.compute_loss_context_manager():
            logits = model(**batch, **without_cache(model)).logits
        return list(self.task.answers(logits, labels))

    def _scores(self, answers: Sequence[Answer], examples: Sequence[Example]) -> dict[str, float]:
        targets = sum(answer.targets for answer in answers)
        sums = dict.fromkeys(answers[0].losses, 0.0)
        for answer in answers:
            sums = {name: total + answer.losses[name] for name, total in sums.items()}
        means = {name: total / targets for name, total in sums.items()}
        predictions = Predictions(
            means.pop("loss"),
            [answer.predicted for answer in answers],
            [answer.gold for answer in answers],
            means,
            examples,
        )
        return self.task.scores(predictions)


def mean_loss(task: Task) -> Callable[..., Tensor]:
    """The loss that is minimised, as the Trainer asks for it: the task's own."""

    def loss(
        outputs: Mapping[str, Tensor],
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        return task.loss(outputs["logits"], labels, num_items_in_batch)

    return loss
