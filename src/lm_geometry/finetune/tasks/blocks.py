"""Texts as token ids, each by itself or in blocks cut from all, and their order in a run."""

from dataclasses import replace

import numpy as np
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from lm_geometry.finetune.tasks.task import Example
from lm_geometry.workspace.seeds import stream


def sequences(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, max_tokens: int
) -> list[list[int]]:
    """Token ids of each text, cut to `max_tokens`; texts of fewer than two tokens are left out."""
    encoded = tokenizer(texts, truncation=True, max_length=max_tokens)["input_ids"]
    return [ids for ids in encoded if len(ids) > 1]


def packed(
    texts: list[str], tokenizer: PreTrainedTokenizerBase, block_tokens: int
) -> list[list[int]]:
    """Blocks of exactly `block_tokens` ids, cut from the texts joined in their order.

    Raises ValueError where all texts together do not fill one block.
    """
    encoded = tokenizer(texts, verbose=False)["input_ids"]
    ids = [token for text in encoded for token in text]
    blocks = [
        ids[start : start + block_tokens]
        for start in range(0, len(ids) - block_tokens + 1, block_tokens)
    ]
    if not blocks:
        raise ValueError(
            f"finetune.block_tokens: {block_tokens} is more than the {len(ids)} tokens of the "
            f"training texts; take a smaller block or raise data_prep.train_sequences"
        )
    return blocks


class ExampleStream(Dataset[Example]):
    """Every example of a training run in the order in which it is seen.

    Epochs are permutations drawn by `seed`. Since an example's place in the run is its index,
    an interrupted run goes on with the same examples, and with the same random masks.
    """

    def __init__(self, examples: list[Example], length: int, seed: int) -> None:
        epochs = -(-length // len(examples))
        orders = [stream(seed, "epoch", i).permutation(len(examples)) for i in range(epochs)]
        self.order = np.concatenate(orders)[:length]
        self.examples = examples

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Example:
        return replace(self.examples[self.order[index]], index=index)


class FixedExamples(Dataset[Example]):
    """Held-out examples in their own order, with the same masks at every evaluation."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return replace(self.examples[index], index=index)
