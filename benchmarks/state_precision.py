"""What bfloat16 passes do to the local dimension of a model's states, layer by layer, in Markdown.

    python benchmarks/state_precision.py [--model smollm2] [--corpus encyclopaedia] [--tokens 2000]

The same tokens of a bundled corpus are embedded twice, by passes in float32 and in bfloat16
(`embed.dtype`); states are stored in float32 either way. *moved* is the median distance between a
token's two states, as a share of its distance to its nearest neighbour; *shared* the share of the
L nearest neighbours that both have; then the mean local TwoNN of each, with neighbours of other
documents, and its paired change over documents with the standard error of a jackknife.
"""

import argparse

import numpy as np

NEIGHBOURS = 64
HEAD = ("layer", "states differ by", "moved", "shared", "float32", "bfloat16", "change")
MASSIVE = 3.0  # median norms: a token beyond is left out, as by token-sample
GROUPS = 10


class Cell:
    """Tokens of one corpus, and a model's states of them in either precision."""

    def __init__(self, model: str, corpus: str, tokens: int) -> None:
        import pandas as pd

        from lm_geometry.data_prep.corpora.catalogue import read_corpora
        from lm_geometry.data_prep.corpora.reading import read
        from lm_geometry.data_prep.model_names import resolve
        from lm_geometry.data_prep.params import Model
        from lm_geometry.embed.params import Embed
        from lm_geometry.embed.token_table import tokenise
        from lm_geometry.models.load import load_tokenizer
        from lm_geometry.workspace import machine

        self.source = resolve(Model.model_validate({"name": model}), seed=0)
        splits = read(read_corpora()[corpus], machine.downloads()).values()
        frames = [split.to_pandas() for split in splits]
        rows = pd.concat([one for one in frames if isinstance(one, pd.DataFrame)])
        long = rows["text"].str.len() >= 400
        rows = rows.loc[long, ["text", "document"]].groupby("document").head(4)
        rows = rows.sample(frac=1, random_state=0).head(tokens // 16).reset_index(drop=True)
        settings = {"keep_tokens": tokens, "max_length": 64, "loss": False}
        self.settings = Embed.model_validate(settings)
        tokenizer = load_tokenizer(self.source)
        self.pad = tokenizer.pad_token_id or 0
        self.corpus = tokenise(rows, tokenizer, self.settings, np.random.default_rng(0))
        self.layers = list(range(self.source.layers + 1))

    def states(self, precision: str) -> list[np.ndarray]:
        """The states `[tokens, width]` of each layer."""
        import torch

        from lm_geometry.embed.hidden_states import HiddenStates
        from lm_geometry.models.load import load_model

        dtype = getattr(torch, precision)
        run = HiddenStates(load_model(self.source), "cpu", dtype, self.pad, self.layers)
        shape = len(self.corpus.kept), self.source.width
        arrays = {str(layer): np.empty(shape, np.float32) for layer in self.layers}
        run.write(self.corpus, self.settings, arrays, None, precision)
        return list(arrays.values())


def row(layer: int, one: np.ndarray, other: np.ndarray, documents: np.ndarray) -> tuple[str, ...]:
    """The line of a layer: `one` of float32, `other` of bfloat16, `[tokens, width]`."""
    from lm_geometry import local_dimension
    from lm_geometry.neighbours import neighbour_graph

    norms = np.linalg.norm(one, axis=1)
    kept = norms <= MASSIVE * np.median(norms)
    _, first = np.unique(np.concatenate([one, other], axis=1), axis=0, return_index=True)
    kept &= np.isin(np.arange(len(one)), first)  # each pair of states once
    one, other, labels = one[kept], other[kept], documents[kept]
    graphs = [neighbour_graph(X, NEIGHBOURS) for X in (one, other)]
    pairs = zip(*(graph.indices for graph in graphs), strict=True)
    shared = np.mean([len(np.intersect1d(a, b)) for a, b in pairs]) / NEIGHBOURS
    distances = np.linalg.norm(one - other, axis=1)
    nearest = graphs[0].distances[:, 0]
    far = nearest > 0
    moved = np.median(distances[far] / nearest[far])
    relative = np.median(distances / norms[kept])
    found = [local_dimension(X, NEIGHBOURS, exclude=labels) for X in (one, other)]
    change = found[1] - found[0]
    numbers = np.unique(labels, return_inverse=True)[1] % GROUPS
    without = [np.mean(change[numbers != group]) for group in range(GROUPS)]
    error = np.sqrt((GROUPS - 1) * np.var(without))
    means = [f"{np.mean(values):.2f}" for values in found]
    told = f"{np.mean(change):+.2f} ± {error:.2f}"
    return (f"{layer}", f"{relative:.1%}", f"{moved:.2f}", f"{shared:.2f}", *means, told)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--corpus", default="encyclopaedia")
    parser.add_argument("--tokens", type=int, default=2000)
    given = parser.parse_args()
    import measured

    cell = Cell(given.model, given.corpus, given.tokens)
    documents = cell.corpus.kept["document"].to_numpy()
    whole, half = cell.states("float32"), cell.states("bfloat16")
    rows = [row(i, a, b, documents) for i, (a, b) in enumerate(zip(whole, half, strict=True))]
    told = f"{len(documents):,} tokens of {len(set(documents))} documents, L = {NEIGHBOURS}"
    print(f"{given.model}, {given.corpus}: {told}; {measured.hardware()}")
    print(measured.table(HEAD, rows))


if __name__ == "__main__":
    main()
