"""What data-prep wrote to data/prompts, for the stages that read it.

`prompts.parquet` has a row per prompt, `lengths.parquet` the number of tokens of every text that
was long enough under each tokenizer, `orders.parquet` the order of blocks of each shuffle. Texts
that must not be passed on lie in the machine's own folder, by the hash in the index.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lm_geometry.outs.data_prep.shuffling import Order, shuffled_positions
from lm_geometry.outs.data_prep.tokens import prompt_tokens
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.tables import write_table
from lm_geometry.workspace.tree import WORKSPACE, Tree

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class PromptIndex:
    """Facts of all prompts; `private` is the hash of texts that must not be passed on, or empty."""

    corpus: str
    split: str
    unit: str
    tokens: int
    shuffles: list[int]
    tokenizers: list[str]
    seed: int
    private: str = ""
    nothing: str = ""  # why there are no prompts, where there are none

    def texts(self, root: Path) -> Path:
        """Where the texts are: in `root` (data/prompts), or in the machine's own folder."""
        if self.private:
            return machine.private_texts() / f"{self.private}.parquet"
        return root / "texts.parquet"


@dataclass(frozen=True)
class PreparedPrompts:
    """The prompts of a pipeline run.

    `table` has the columns prompt, document, sequence, sequences, characters; `orders` the order
    of blocks `[4**S]` of every (prompt, S).
    """

    index: PromptIndex
    table: pd.DataFrame
    lengths: pd.DataFrame
    orders: dict[tuple[int, int], Order]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the prompts in their corpus, ascending."""
        return [int(prompt) for prompt in self.table["prompt"]]

    def write(self) -> None:
        """Write the tables below data/prompts; the index last, for all is complete then."""
        root = folder()
        write_table(root / "prompts.parquet", self.table)
        write_table(root / "lengths.parquet", self.lengths)
        keys = list(self.orders)
        orders = {
            "prompt": np.array([prompt for prompt, _ in keys], dtype=np.int64),
            "shuffle": np.array([shuffle for _, shuffle in keys], dtype=np.int64),
            "order": [self.orders[key].tolist() for key in keys],
        }
        write_table(root / "orders.parquet", pd.DataFrame(orders))
        write_json(root / "index.json", asdict(self.index))

    def texts(self, tree: Tree = WORKSPACE) -> dict[int, str]:
        """The stripped text of each prompt, whole; FileNotFoundError for another machine's."""
        place = self.index.texts(folder())
        if self.index.private and not place.exists():
            raise FileNotFoundError(
                f"the text of {self.index.corpus} may not be passed on and is not on this machine: "
                "`dvc repro --force --single-item data-prep` prepares it here"
            )
        if self.index.private and path_hash(place) != self.index.private:
            raise ValueError(
                f"the text of {self.index.corpus} in {place} is damaged: "
                "`dvc repro --force --single-item data-prep` prepares it again"
            )
        holder = WORKSPACE if self.index.private else tree
        rows = holder.read_table(place, ["prompt", "text"])
        return {int(prompt): str(text) for prompt, text in rows.itertuples(index=False)}

    def token_ids(
        self, tokenizer: "PreTrainedTokenizerBase", tree: Tree = WORKSPACE
    ) -> Int64[np.ndarray, "prompts tokens"]:
        """Token numbers of every prompt as it is in its text, int64 `[prompts, tokens]`."""
        texts = self.texts(tree)
        rows = [
            prompt_tokens(texts[prompt], tokenizer, self.index.tokens) for prompt in self.numbers
        ]
        return np.array(rows, dtype=np.int64).reshape(len(rows), self.index.tokens)

    def positions(self, prompt: int, shuffle: int) -> Int64[np.ndarray, "tokens"]:
        """Where each token of the shuffled prompt stands in its text, int64 `[tokens]`."""
        return shuffled_positions(self.orders[prompt, shuffle], self.index.tokens)


def folder() -> Path:
    """data/prompts."""
    return paths.PROMPTS


def read_prompts(tree: Tree = WORKSPACE) -> PreparedPrompts:
    """The prompts that data-prep prepared; raises FileNotFoundError where it did not."""
    root = folder()
    index = PromptIndex(**tree.read_json(root / "index.json"))
    orders = tree.read_table(root / "orders.parquet", ["prompt", "shuffle", "order"])
    return PreparedPrompts(
        index,
        tree.read_table(root / "prompts.parquet"),
        tree.read_table(root / "lengths.parquet", ["prompt", "tokenizer", "tokens"]),
        {
            (int(prompt), int(shuffle)): np.asarray(order, dtype=np.int64)
            for prompt, shuffle, order in orders.itertuples(index=False)
        },
    )
