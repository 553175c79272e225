"""Tokens of equations, and their hidden states in a transformer that learned from scratch."""

import numpy as np
import pandas as pd

from lm_geometry.embed.equation_states import distinct_tokens, token_states
from lm_geometry.embed.hidden_states import Arrays, Losses, store
from lm_geometry.embed.params import Embed
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.models.arithmetic.equations import OPERANDS, SIGNS
from lm_geometry.models.arithmetic.model import ArithmeticTransformer

TOKENS = 4  # of an equation


def equation_tokens(
    corpus: pd.DataFrame, settings: Embed, generator: np.random.Generator
) -> TokenisedCorpus:
    """Token ids of every equation, and `keep_tokens` of the tokens with different states.

    Attention is causal: of equations with the same beginning the first stands for all, so that the
    kept rows are different points at every layer but the embeddings. The table has `sequence`,
    `position`, `document`, `token_id`, `token`, `special` (empty), `operand` (whether the token is
    a or b) and the numbers `a`, `b` and `result` of its equation.
    """
    a, b = (corpus[name].to_numpy(dtype=np.int64) for name in ("a", "b"))
    ids = np.stack([a + SIGNS, np.zeros_like(a), b + SIGNS, np.ones_like(a)], axis=1)
    equations, positions = distinct_tokens(ids)
    if settings.keep_tokens != "all" and settings.keep_tokens < len(equations):
        kept = np.sort(generator.choice(len(equations), settings.keep_tokens, replace=False))
        equations, positions = equations[kept], positions[kept]
    words = np.array([text.split() for text in corpus["text"]], dtype=object)
    table = pd.DataFrame(
        {
            "sequence": equations,
            "position": positions,
            "document": corpus["document"].to_numpy(dtype=object)[equations],
            "token_id": ids[equations, positions],
            "token": words[equations, positions],
            "special": "",
            "operand": np.isin(positions, OPERANDS),
        }
    )
    for name in ("a", "b", "result"):
        table[name] = corpus[name].to_numpy(dtype=np.int64)[equations]
    return TokenisedCorpus(ids.tolist(), table)


class EquationStates:
    """Hidden states of the kept tokens; no token has a loss, for only the result is predicted."""

    def __init__(self, model: ArithmeticTransformer, device: str, layers: list[int]) -> None:
        self.model = model.to(device)
        self.layers = layers

    def afresh(self) -> None:
        """Nothing is found out in a pass."""

    def write(
        self,
        corpus: TokenisedCorpus,
        settings: Embed,
        arrays: Arrays,
        losses: Losses | None,
        what: str,
    ) -> None:
        """Fill `arrays` (`[tokens, width]` by file name); passes have `embed.batch_tokens`."""
        ids = np.array(corpus.sequences)
        equations, positions = (
            corpus.kept[name].to_numpy(dtype=np.int64) for name in ("sequence", "position")
        )
        at_once = max(1, settings.batch_tokens // TOKENS)
        states = token_states(self.model, ids, equations, positions, self.layers, at_once)
        store(arrays, np.arange(len(corpus.kept)), states, settings)
