"""Point clouds for the benchmarks: made ones, and real hidden states of the bundled models."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Cloud = NDArray[np.float32]
CORPORA = ("encyclopaedia", "news", "early-speeches")
ROOT = Path(__file__).resolve().parents[1]


def made(tokens: int, width: int) -> Cloud:
    """A cloud as a language model's: few strong directions, many weak, two huge coordinates."""
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((tokens, 30)) * np.geomspace(1, 0.2, 30)) @ rng.standard_normal(
        (30, width)
    )
    X += 0.3 * rng.standard_normal((tokens, width))
    X[:, :2] += [300, -300]
    return X.astype(np.float32)


def real(model: str, layers: list[int], tokens: int) -> Cloud:
    """Hidden states `[tokens, len(layers) x width]` of a model of the catalogue on bundled text.

    Layers stand side by side; copies of a vector are left out.
    """
    from lm_geometry import deduplicate

    parts: list[Cloud] = []
    distinct = np.empty((0, 0), np.float32)
    for states in _batches(model, layers):
        parts.append(states)
        if sum(map(len, parts)) < 1.05 * tokens:
            continue
        every = np.concatenate(parts)
        distinct = every[deduplicate(every)]
        if len(distinct) >= tokens:
            return np.ascontiguousarray(distinct[:tokens])
    raise ValueError(f"the bundled texts have {len(distinct)} distinct tokens, not {tokens}")


def _batches(model: str, layers: list[int]) -> Iterator[Cloud]:
    import torch

    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model
    from lm_geometry.models.load import load_model, load_tokenizer

    source = resolve(Model.model_validate({"name": model}), seed=0)
    tokenizer, body = load_tokenizer(source), load_model(source).base_model
    texts = list(_texts())
    for start in range(0, len(texts), 32):
        batch = tokenizer(
            texts[start : start + 32],
            truncation=True,
            max_length=128,
            padding=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = body(**batch, output_hidden_states=True).hidden_states
        inside = batch["attention_mask"].bool()
        inside[:, 0] = False  # the first token's vector is one of a kind
        yield torch.cat([states[layer][inside] for layer in layers], dim=-1).numpy()


def _texts() -> Iterator[str]:
    from lm_geometry.data_prep.corpora.catalogue import read_corpora
    from lm_geometry.data_prep.corpora.reading import read
    from lm_geometry.workspace import machine

    entries = read_corpora()
    for name in CORPORA:
        for split in read(entries[name], machine.downloads()).values():
            yield from (text for text in split["text"] if len(text) > 200)
