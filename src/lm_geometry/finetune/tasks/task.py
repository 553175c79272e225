"""What every task has: examples, batches, what the model is asked, and the scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.models.probe import Findings
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.point_cloud.shapes import Int64


@dataclass(frozen=True)
class Example:
    """Token ids, and the classes to predict, of which language modelling has none of its own.

    `index` is the place of the example in a run, which a dataset sets.
    """

    input_ids: list[int]
    labels: list[int] = field(default_factory=list)
    index: int = 0


@dataclass(frozen=True)
class Predictions:
    """What a model predicted of held-out examples.

    `loss` is the mean cross-entropy over all targets, natural log. `predicted` and `gold` hold a
    class (or token) number `[targets]` for each target of each example.
    """

    loss: float
    predicted: list[np.ndarray]
    gold: list[np.ndarray]

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

    @abstractmethod
    def scores(self, predictions: Predictions) -> dict[str, float]:
        """Scores by name; `loss` is among them."""
