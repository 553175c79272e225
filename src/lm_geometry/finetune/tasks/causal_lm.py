"""Causal language modelling: predict each next token."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import pad
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

from lm_geometry.finetune.tasks.language_modelling import LanguageModelling
from lm_geometry.finetune.tasks.task import Example
from lm_geometry.point_cloud.shapes import Int64


class CausalLM(LanguageModelling):
    """Each token is predicted from those before it."""

    model_class: ClassVar[str] = "AutoModelForCausalLM"

    def collator(self) -> "CausalBatch":
        return CausalBatch(self.tokenizer)

    def targets(self, labels: Int64[Tensor, "batch *tokens"]) -> Int64[Tensor, "batch *tokens"]:
        return pad(labels, (0, 1), value=-100)[:, 1:]


class CausalBatch:
    """Pads examples into a batch whose labels are the tokens themselves, except the first."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def __call__(self, examples: list[Example]) -> dict[str, Tensor]:
        batch = self.collate([{"input_ids": example.input_ids} for example in examples])
        # Labels come from the attention mask: where pad is eos, the true last token counts.
        batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        batch["labels"][:, 0] = -100  # nothing predicts it, so it must not count in a mean
        return dict(batch)
