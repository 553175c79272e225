"""Sequence classification: one class for each text, such as an emotion or a sentiment."""

from typing import Any, ClassVar

import torch
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.classification import encoded, labelled, padded, with_contexts
from lm_geometry.finetune.tasks.task import Example, Predictions, Task
from lm_geometry.outs.data_prep.corpora import Columns


class SequenceClassification(Task):
    """The class in column `label`; sequences whose label is empty are left out."""

    model_class: ClassVar[str] = "AutoModelForSequenceClassification"

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, settings: Finetune, *parts: Columns
    ) -> None:
        super().__init__(tokenizer, settings)
        found = {label for columns in parts for label in labelled(columns, settings)["label"]}
        self.labels = sorted(found - {""})
        if len(self.labels) < 2:
            raise ValueError(
                "finetune.task: sequence_classification needs two classes or more, and the column "
                f"label of the corpus of data_prep.train has {self.labels}"
            )

    def training_examples(self, columns: Columns) -> list[Example]:
        own = labelled(columns, self.settings)
        rows = [row for row, label in enumerate(own["label"]) if label]
        number = {label: place for place, label in enumerate(self.labels)}
        ids = self._ids(columns, rows)
        return [
            Example(tokens, [number[own["label"][row]]])
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
        import numpy as np
        from sklearn.metrics import f1_score

        gold, predicted = (np.concatenate(p) for p in (predictions.gold, predictions.predicted))
        undefined: Any = 0  # of a class that is never predicted
        means = {
            f"f1_{mean}": float(f1_score(gold, predicted, average=mean, zero_division=undefined))
            for mean in ("macro", "weighted")
        }
        return {"loss": predictions.loss, "accuracy": predictions.accuracy, **means}
