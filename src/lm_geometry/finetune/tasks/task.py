"""What every task has: examples, batches, what the model is asked, and the scores."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.models.probe import Findings
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.point_cloud.shapes import Float, Int64


@dataclass(frozen=True)
class Example:
    """Token ids, and the classes to predict, of which language modelling has none of its own.

    `index` is the place of the example in a run, which a dataset sets; `document` that which its
    text is of, where that is one.
    """

    input_ids: list[int]
    labels: list[int] = field(default_factory=list)
    index: int = 0
    document: str = ""


@dataclass(frozen=True)
class Answer:
    """What a model said of one held-out example: `predicted` and `gold`, numbers `[targets, …]`.

    `losses` are sums over its targets, by name; `loss` is among them. Their mean is over `targets`.
    """

    predicted: np.ndarray
    gold: np.ndarray
    targets: int
    losses: dict[str, float]


@dataclass(frozen=True)
class Predictions:
    """What a model predicted of held-out examples.

    `loss` is the mean loss over all targets, natural log (cross-entropy, where a task has no other)
    and `parts` are what it is made of, by name. `predicted` and `gold` hold a class (or token)
    number `[targets]` for each target of each of the `examples`.
    """

    loss: float
    predicted: list[np.ndarray]
    gold: list[np.ndarray]
    parts: dict[str, float] = field(default_factory=dict)
    examples: Sequence[Example] = ()

    @property
    def accuracy(self) -> float:
        """The share of all targets that were predicted."""
        return float(np.mean(np.concatenate(self.predicted) == np.concatenate(self.gold)))


class Task(ABC):
    """One task, with the tokenizer and the settings that it is trained with."""

    model_class: ClassVar[str]  # of transformers
    labels: list[str]  # names of the classes, in the order of their numbers; empty: tokens

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: Finetune) -> None:
        self.tokenizer = tokenizer
        self.settings = settings
        self.labels = []
        self.weights: Tensor | None = None  # of the classes in training; None: all count alike
        self.alone = False  # whether held-out examples are scored one at a time, without padding
        self.context_first = False  # whether what was said before a text stands before it

    @abstractmethod
    def training_examples(self, columns: Columns) -> list[Example]:
        """What is learned from."""

    @abstractmethod
    def held_out_examples(self, columns: Columns) -> list[Example]:
        """What is scored: of each sequence one example."""

    @abstractmethod
    def batch(self, examples: list[Example]) -> dict[str, Tensor]:
        """Tensors of padded examples; `labels` is -100 where nothing is to be predicted."""

    def meet(self, model: PreTrainedModel, findings: Findings) -> None:
        """Learn what batches must be like for the model, before the first is made."""
        self.alone = findings.padding_leaks

    def targets(self, labels: Int64[Tensor, "batch *tokens"]) -> Int64[Tensor, "batch *tokens"]:
        """Labels `[batch, tokens]` (or `[batch]`), moved to where the model predicts them."""
        return labels

    def loss(
        self,
        logits: Float[Tensor, "batch *tokens classes"],
        labels: Int64[Tensor, "batch *tokens"],
        items: Tensor | int | None,
    ) -> Float[Tensor, ""]:
        """The loss of a forward pass that is minimised.

        Here: cross-entropy, each class with its weight where there are `weights`, summed over its
        targets and divided by `items`, the labels that are not -100 in the whole optimiser step; by
        their number in this pass where it is None.
        """
        targets = self.targets(labels).reshape(-1)
        logits = logits.reshape(len(targets), logits.shape[-1])
        number = (targets != -100).sum() if items is None else items
        weights = None if self.weights is None else self.weights.to(logits.device)
        return cross_entropy(logits.float(), targets, weights, reduction="sum") / number

    def answers(
        self,
        logits: Float[Tensor, "batch *tokens classes"],
        labels: Int64[Tensor, "batch *tokens"],
    ) -> Iterator[Answer]:
        """What a forward pass says of each of its examples; here the class of highest logit."""
        labels, number = self.targets(labels), len(labels)
        logits, labels = logits.reshape(number, -1, logits.shape[-1]), labels.reshape(number, -1)
        for scores, classes in zip(logits, labels, strict=True):
            asked = classes != -100
            own, gold = scores[asked], classes[asked]
            losses = cross_entropy(own.float(), gold, reduction="none")
            yield Answer(
                own.argmax(dim=-1).cpu().numpy(),
                gold.cpu().numpy(),
                len(gold),
                {"loss": float(losses.cpu().double().sum())},
            )

    @abstractmethod
    def scores(self, predictions: Predictions) -> dict[str, float]:
        """Scores by name; `loss` is among them."""
