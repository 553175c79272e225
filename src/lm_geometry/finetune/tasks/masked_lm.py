"""Masked language modelling: predict tokens that were masked (Devlin et al. 2019)."""

from typing import ClassVar

import torch
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

from lm_geometry.finetune.tasks.language_modelling import LanguageModelling
from lm_geometry.finetune.tasks.task import Example
from lm_geometry.workspace.seeds import stream


class MaskedLM(LanguageModelling):
    """Tokens that were masked are predicted from all others."""

    model_class: ClassVar[str] = "AutoModelForMaskedLM"

    def collator(self) -> "MaskedBatch":
        settings = self.settings
        return MaskedBatch(self.tokenizer, settings.seed, settings.mask_probability)


class MaskedBatch:
    """Pads examples into a batch and masks tokens, 80 % [MASK], 10 % random, 10 % unchanged.

    The masks of a batch are drawn from `seed` and the place of its first example in the run, so
    they are new in every epoch and the same after an interruption.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, seed: int, mask_probability: float
    ) -> None:
        if tokenizer.mask_token is None:
            raise ValueError("finetune.task: masked_lm needs a tokenizer with a mask token")
        self.collate = DataCollatorForLanguageModeling(
            tokenizer, mlm=True, mlm_probability=mask_probability, seed=seed
        )
        self.seed = seed

    def __call__(self, examples: list[Example]) -> dict[str, torch.Tensor]:
        place = stream(self.seed, "masks", examples[0].index)
        self.collate.generator = torch.Generator().manual_seed(int(place.integers(2**62)))
        batch = self.collate([{"input_ids": example.input_ids} for example in examples])
        return dict(batch)
