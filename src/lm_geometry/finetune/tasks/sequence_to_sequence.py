"""Sequence to sequence: an encoder-decoder reads one text and writes another."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.classification import encoded, labelled, padded
from lm_geometry.finetune.tasks.task import Example, Predictions, Task
from lm_geometry.models.probe import Findings
from lm_geometry.outs.data_prep.corpora import Columns

IGNORED = -100


class SequenceToSequence(Task):
    """What is written is the rest of a text, of which the first half is read, or its label.

    The decoder is given what it should have written so far (teacher forcing).
    """

    model_class: ClassVar[str] = "AutoModelForSeq2SeqLM"

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, settings: Finetune, *parts: Columns
    ) -> None:
        super().__init__(tokenizer, settings)
        if settings.target == "label":
            for columns in parts:
                labelled(columns, settings)
        self.shifted: Callable[[torch.Tensor], torch.Tensor] | None = None

    def meet(self, model: PreTrainedModel, findings: Findings) -> None:
        """Learn how the model's decoder begins, too."""
        super().meet(model, findings)
        own: Any = getattr(model, "prepare_decoder_input_ids_from_labels", None)
        try:
            own(labels=torch.tensor([[5, 6]]))
        except (TypeError, AttributeError, ValueError):  # it has none, or no token to begin with
            self.shifted = _shifted_by(model)
        else:
            self.shifted = lambda labels: own(labels=labels)

    def training_examples(self, columns: Columns) -> list[Example]:
        if self.settings.target == "label":
            return self._labelled(columns)
        found, longest = [], self.settings.block_tokens
        for ids in encoded(columns["text"], self.tokenizer, longest)["input_ids"]:
            if len(ids) > 3:
                middle = len(ids) // 2
                found.append(Example(ids[:middle], ids[middle:]))
        return found

    def _labelled(self, columns: Columns) -> list[Example]:
        own = labelled(columns, self.settings)
        pairs = [pair for pair in zip(own["text"], own["label"], strict=True) if pair[1]]
        longest = self.settings.block_tokens
        read = encoded([text for text, _ in pairs], self.tokenizer, longest)["input_ids"]
        labels = [label for _, label in pairs]
        cut = {"truncation": True, "max_length": longest}
        written = self.tokenizer(text_target=labels, **cut)["input_ids"] if labels else []
        return [
            Example(ids, target)
            for ids, target in zip(read, written, strict=True)
            if ids and target
        ]

    def held_out_examples(self, columns: Columns) -> list[Example]:
        return self.training_examples(columns)

    def batch(self, examples: list[Example]) -> dict[str, torch.Tensor]:
        assert self.shifted is not None  # `trainable` introduces the model
        longest = max(len(example.labels) for example in examples)
        labels = torch.full((len(examples), longest), IGNORED)
        for row, example in zip(labels, examples, strict=True):
            row[: len(example.labels)] = torch.tensor(example.labels)
        given = {"decoder_input_ids": self.shifted(labels), "labels": labels}
        return padded(examples, self.tokenizer) | given

    def scores(self, predictions: Predictions) -> dict[str, float]:
        return {
            "loss": predictions.loss,
            "perplexity": math.exp(predictions.loss),
            "accuracy": predictions.accuracy,
        }


def _shifted_by(model: PreTrainedModel) -> Callable[[torch.Tensor], torch.Tensor]:
    """Labels moved one to the right, after the token with which the model's decoder begins."""
    config: Any = model.config
    text: Any = config.get_text_config(decoder=True)
    names = ("decoder_start_token_id", "bos_token_id", "pad_token_id")
    owners = (config, text, model.generation_config)
    asked = (getattr(owner, name, None) for name in names for owner in owners)
    start = next((token for token in asked if isinstance(token, int)), None)
    if start is None:
        raise ValueError(
            "finetune.task: sequence_to_sequence needs decoder_start_token_id in the model's "
            "config: the token with which its decoder begins"
        )

    def shifted(labels: torch.Tensor) -> torch.Tensor:
        moved = labels.roll(1, dims=1)
        moved[:, 0] = start
        return moved.masked_fill(moved == IGNORED, start)

    return shifted
