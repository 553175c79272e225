"""Sequence classification: one class for each text, such as an emotion or a sentiment."""

from typing import ClassVar

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.class_names import class_names
from lm_geometry.finetune.tasks.class_weights import class_weights
from lm_geometry.finetune.tasks.classification import encoded, labelled, padded, with_contexts
from lm_geometry.finetune.tasks.f1 import f1
from lm_geometry.finetune.tasks.task import Example, Predictions, Task
from lm_geometry.outs.data_prep.corpora import Columns


class SequenceClassification(Task):
    """The class in column `label`; sequences whose label is empty are left out.

    `parts` are the splits of the corpus, that which is learned from first.
    """

    model_class: ClassVar[str] = "AutoModelForSequenceClassification"

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, settings: Finetune, *parts: Columns
    ) -> None:
        super().__init__(tokenizer, settings)
        self.labels = class_names(settings, *parts)
        self.weights = class_weights(settings, self.labels, labelled(parts[0], settings)["label"])

    def training_examples(self, columns: Columns) -> list[Example]:
        own = labelled(columns, self.settings)
        rows = [row for row, label in enumerate(own["label"]) if label]
        number = {label: place for place, label in enumerate(self.labels)}
        ids = self._ids(columns, rows)
        documents = columns.get("document", [""] * len(own["label"]))
        return [
            Example(tokens, [number[own["label"][row]]], document=str(documents[row]))
            for tokens, row in zip(ids, rows, strict=True)
            if tokens
        ]

    def _ids(self, columns: Columns, rows: list[int]) -> list[list[int]]:
        texts = [columns["text"][row] for row in rows]
        contexts = [columns["context"][row] for row in rows] if "context" in columns else None
        pairs = with_contexts(texts, contexts, self)
        if pairs is not None:
            return pairs.input_ids
        return encoded(texts, self.tokenizer, self.settings.block_tokens)["input_ids"]

    def held_out_examples(self, columns: Columns) -> list[Example]:
        return self.training_examples(columns)

    def batch(self, examples: list[Example]) -> dict[str, torch.Tensor]:
        labels = torch.tensor([number for example in examples for number in example.labels])
        return padded(examples, self.tokenizer) | {"labels": labels}

    def scores(self, predictions: Predictions) -> dict[str, float]:
        """Loss, accuracy, and F1 over the classes that occur: macro and weighted.

        With `finetune.neutral` the same without that class, and micro, each `…_without_neutral`.
        """
        gold, predicted = (np.concatenate(p) for p in (predictions.gold, predictions.predicted))
        found = {"loss": predictions.loss, "accuracy": predictions.accuracy}
        found |= {f"f1_{mean}": f1(gold, predicted, mean) for mean in ("macro", "weighted")}
        if self.settings.neutral is None:
            return found
        neutral = self.labels.index(self.settings.neutral)
        return found | {
            f"f1_{mean}_without_neutral": f1(gold, predicted, mean, without=neutral)
            for mean in ("macro", "weighted", "micro")
        }
