"""Causal language modelling: predict each next token."""

from typing import Any

from transformers import DataCollatorForLanguageModeling

from lm_geometry.tasks.blocks import Example


class CausalBatch:
    """Pads examples into a batch whose labels are the tokens themselves."""

    def __init__(self, tokenizer: Any, seed: int, mask_probability: float) -> None:
        del seed, mask_probability  # nothing is random here
        self.collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def __call__(self, examples: list[Example]) -> dict[str, Any]:
        batch = self.collate([{"input_ids": example["input_ids"]} for example in examples])
        # Labels come from the attention mask: where pad is eos, the true last token counts.
        batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        return dict(batch)
