"""What causal and masked language modelling have in common."""

import math
from abc import abstractmethod
from collections.abc import Callable

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks import blocks
from lm_geometry.finetune.tasks.task import Example, Predictions, Task
from lm_geometry.outs.data_prep.corpora import Columns


class LanguageModelling(Task):
    """Predict tokens of the texts themselves."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, settings: Finetune) -> None:
        super().__init__(tokenizer, settings)
        self.collate = self.collator()

    @abstractmethod
    def collator(self) -> Callable[[list[Example]], dict[str, Tensor]]:
        """What makes a batch of examples."""

    def training_examples(self, columns: Columns) -> list[Example]:
        cut = blocks.packed if self.settings.packing else blocks.sequences
        found = cut(columns["text"], self.tokenizer, self.settings.block_tokens)
        return [Example(ids) for ids in found]

    def held_out_examples(self, columns: Columns) -> list[Example]:
        cut = blocks.sequences(columns["text"], self.tokenizer, self.settings.block_tokens)
        return [Example(ids) for ids in cut]

    def batch(self, examples: list[Example]) -> dict[str, Tensor]:
        return self.collate(examples)

    def scores(self, predictions: Predictions) -> dict[str, float]:
        return {
            "loss": predictions.loss,
            "perplexity": math.exp(predictions.loss),
            "accuracy": predictions.accuracy,
        }
