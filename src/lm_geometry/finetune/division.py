"""One batch over several processes: each computes its part of what one process would.

`finetune.batch_size` and `finetune.accumulate` are of all processes together. As many as divide the
examples of a forward pass share each pass; where they are more, passes are shared out, too. Every
process makes the whole batch of a pass, with the padding and the masks that one process gives it,
and keeps its own rows: so the loss of a step is a sum of the same terms.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Sampler
from transformers import PreTrainedModel

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.task import Example, Task
from lm_geometry.models.body import without_cache

SETTING = "LM_GEOMETRY_TRAINING_PROCESSES"
CLOSE = 1e-3  # of a loss, relative: more than the rounding of bfloat16 products over a batch

Batch = dict[str, Tensor]
Collate = Callable[[list[Example]], Batch]


@dataclass(frozen=True)
class Division:
    """The part of process `rank`: of `by_rows` that share a pass, of `by_passes` passes in turn."""

    rank: int
    by_rows: int
    by_passes: int

    def rows(self, number: int) -> slice:
        """The rows of a pass of so many examples that are this process's."""
        share = number // self.by_rows
        first = self.rank % self.by_rows * share
        return slice(first, first + share)

    def share(self, collate: Collate, task: str) -> Collate:
        """Makes the whole batch of a pass and keeps the rows of this process.

        Raises ValueError for a task whose batches hold what is of no single example.
        """

        def own(examples: list[Example]) -> Batch:
            batch = collate(examples)
            for name, values in batch.items():
                if not len(values) == len(examples):
                    raise ValueError(
                        f"{SETTING}: task {task} cannot be divided: `{name}` of its batches has "
                        f"{len(values)} rows where there are {len(examples)} examples; take 1"
                    )
            rows = self.rows(len(examples))
            return {name: values[rows] for name, values in batch.items()}

        return own


def division(settings: Finetune, rank: int, count: int) -> Division:
    """How `count` processes share a step; raises ValueError where they cannot do so evenly."""
    by_rows = math.gcd(settings.batch_size, count)
    by_passes = count // by_rows
    if settings.accumulate % by_passes:
        raise ValueError(
            f"{SETTING}={count} does not divide finetune.batch_size: {settings.batch_size} "
            f"examples in finetune.accumulate: {settings.accumulate} passes, which are of all "
            f"processes together; take {_divisors(settings)} of them"
        )
    return Division(rank, by_rows, by_passes)


def _divisors(settings: Finetune) -> str:
    """Numbers of processes among which a step can be divided, the largest last."""
    examples = settings.batch_size * settings.accumulate
    found = [
        count
        for count in range(1, examples + 1)
        if not settings.accumulate % (count // math.gcd(settings.batch_size, count))
    ]
    return " or ".join(map(str, found))


class Passes(Sampler[list[int]]):
    """The forward passes of a run of `length` examples that are this process's, in order."""

    def __init__(self, length: int, batch_size: int, own: Division) -> None:
        self.length, self.batch_size, self.own = length, batch_size, own

    def __len__(self) -> int:
        return self.length // self.batch_size // self.own.by_passes

    def __iter__(self) -> Iterator[list[int]]:
        first = self.own.rank // self.own.by_rows
        for number in range(first, self.length // self.batch_size, self.own.by_passes):
            yield list(range(number * self.batch_size, (number + 1) * self.batch_size))


@torch.no_grad()
def refuse_undivided(model: PreTrainedModel, task: Task, batch: Batch, parts: int) -> None:
    """Raises ValueError where the loss of a batch is not the sum of those of its parts.

    So it is of a task whose loss looks at several examples at once, and of a model in which
    examples of one pass change each other (experts of limited capacity). Dropout is off.
    """
    was_training = model.training
    model.eval()
    items = int((batch["labels"] != -100).sum())
    share = len(batch["labels"]) // parts
    whole = _loss(model, task, batch, items)
    split = sum(
        _loss(model, task, {k: v[first : first + share] for k, v in batch.items()}, items)
        for first in range(0, share * parts, share)
    )
    model.train(was_training)
    if not abs(whole - split) <= CLOSE * max(abs(whole), 1e-6):
        raise ValueError(
            f"{SETTING}: task {task.settings.task} of {type(model).__name__} cannot be divided: "
            f"the loss of a batch is {whole:.6g}, and that of its {parts} parts {split:.6g}; take 1"
        )


def _loss(model: PreTrainedModel, task: Task, batch: Batch, items: int) -> float:
    given = {name: values.to(model.device) for name, values in batch.items() if name != "labels"}
    logits = model(**given, **without_cache(model)).logits
    return float(task.loss(logits, batch["labels"].to(logits.device), items))
