"""Prompts of random words for tests, as data-prep writes them to data/prompts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lm_geometry.data_prep.prompts.block_orders import block_orders
from lm_geometry.outs.data_prep.prompts import PreparedPrompts, PromptIndex
from lm_geometry.workspace import paths
from lm_geometry.workspace.tables import write_table

WORDS = [
    "the",
    "senate",
    "met",
    "in",
    "morning",
    "president",
    "spoke",
    "of",
    "river",
    "sea",
    "sand",
    "clay",
    "people",
    "cloud",
]


def write_prompts(
    numbers: Sequence[int] = (3, 8, 20),
    tokens: int = 64,
    shuffles: Sequence[int] = (0, 3),
    texts: dict[int, str] | None = None,
    nothing: str = "",
) -> PreparedPrompts:
    """Prompts of different words each (or `texts`), written to data/prompts."""
    found = {n: " ".join(np.random.default_rng(n).choice(WORDS, tokens)) for n in numbers}
    found |= texts or {}
    index = PromptIndex("own", "all", "document", tokens, list(shuffles), ["tiny"], 42, "", nothing)
    table = pd.DataFrame({"prompt": list(numbers), "document": [f"d{n}" for n in numbers]})
    lengths = pd.DataFrame({"prompt": list(numbers), "tokenizer": "tiny", "tokens": tokens})
    prompts = PreparedPrompts(index, table, lengths, block_orders(numbers, shuffles, 42))
    prompts.write()
    rows = pd.DataFrame({"prompt": list(found), "text": list(found.values())})
    write_table(index.texts(paths.PROMPTS), rows)
    return prompts
