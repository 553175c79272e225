"""Hidden states of short texts, ours against the bare model and the published way, in Markdown.

    python benchmarks/embedding.py [--model minilm] [--texts 600] [--threads 1] [--repeat 3]

*bare*: the model's blocks alone on as many tokens, without padding, and nothing is stored.
*ours*: tokenising, passes in batches of similar length, the last layer streamed to disk.
*published*: every text padded to 512 tokens in batches of 32, all states and the head's logits
computed, the last layer stored; run on `--sample` texts and scaled up.
*masked*: `embed.mode: masked_token` with its losses, on the texts of the sample with at most 200
characters; published as one sequence at a time in sub-batches of 16 copies, and the losses in a
second pass, row by row.
With one thread, times are processor seconds.
"""

import argparse
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import measured
import numpy as np

HEAD = ("work", "texts", "tokens", "seconds", "tokens / s", "ours is")
CORPUS = "small-dialogues"


class Bench:
    """One model and some short texts."""

    def __init__(self, model: str, texts: list[str]) -> None:
        import torch

        from lm_geometry.data_prep.model_names import resolve
        from lm_geometry.data_prep.params import Model
        from lm_geometry.embed.params import Embed
        from lm_geometry.models.load import load_model, load_tokenizer

        source = resolve(Model.model_validate({"name": model}), seed=0)
        self.layer, self.width = source.layers, source.width
        self.tokenizer, self.model = load_tokenizer(source), load_model(source)
        self.texts = texts
        self.settings = Embed.model_validate({"keep_tokens": "all", "layers": [self.layer]})
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model.to(self.device)
        self.sequences = self.tokenised(texts).sequences

    def tokenised(self, texts: list[str]) -> Any:
        """The texts as the embed stage tokenises them."""
        import pandas as pd

        from lm_geometry.embed.token_table import tokenise

        corpus = pd.DataFrame({"text": texts, "document": ""})
        return tokenise(corpus, self.tokenizer, self.settings, np.random.default_rng(0))

    def bare(self) -> None:
        """Passes over rectangles of real tokens, of the texts' mean length."""
        import torch

        ids = np.concatenate(self.sequences)
        length = round(len(ids) / len(self.sequences))
        rectangle = np.resize(ids, (len(ids) // length, length))
        with torch.inference_mode():
            for batch in torch.from_numpy(rectangle).split(self.settings.batch_tokens // length):
                self.model.base_model(input_ids=batch.to(self.device))
        self.finish()

    def ours(self, mode: str = "regular", texts: list[str] | None = None) -> None:
        """The embed stage's own work on one corpus split."""
        import torch

        from lm_geometry.embed.hidden_states import HiddenStates
        from lm_geometry.embed.masked_token import MaskedTokenStates

        corpus = self.tokenised(texts or self.texts)
        options = (self.model, self.device, torch.float32, self.tokenizer.pad_token_id or 0)
        masked = mode == "masked_token"
        run: Any = HiddenStates(*options, [self.layer])
        if masked:
            run = MaskedTokenStates(*options, [self.layer], mask_id=self.tokenizer.mask_token_id)
        losses = np.full(len(corpus.kept), np.nan, dtype=np.float32) if masked else None
        with self.array((len(corpus.kept), self.width)) as array:
            run.write(corpus, self.settings, {"states": array}, losses, "benchmark")
        self.finish()

    def published(self, texts: list[str]) -> None:
        """Everything padded to 512 tokens, the language model with its head."""
        import torch

        with self.array((len(texts), 512, self.width)) as array, torch.inference_mode():
            for start in range(0, len(texts), 32):
                batch = self.tokenizer(
                    texts[start : start + 32],
                    truncation=True,
                    max_length=512,
                    padding="max_length",
                    return_tensors="pt",
                ).to(self.device)
                states = self.model(**batch, output_hidden_states=True).hidden_states[-1]
                array[start : start + len(states)] = states.cpu().numpy()

    def published_masked(self, texts: list[str]) -> None:
        """One sequence at a time, its copies in sub-batches of 16; then the losses, row by row."""
        import torch

        for ids in self.tokenised(texts).sequences:
            copies = torch.tensor(ids).repeat(len(ids) - 2, 1).to(self.device)
            inner = torch.arange(len(copies), device=self.device)
            targets = copies[inner, inner + 1].clone()
            copies[inner, inner + 1] = self.tokenizer.mask_token_id
            with torch.inference_mode():
                for batch in copies.split(16):
                    self.model(batch, output_hidden_states=True).hidden_states[-1].cpu()
                for i, copy in enumerate(copies):
                    logits = self.model(copy[None]).logits[0, i + 1]
                    torch.log_softmax(logits, -1)[targets[i]].item()

    def array(self, shape: tuple[int, ...]) -> Any:
        """A float32 array on disk, as a context that removes it."""
        return _Array(shape)

    def finish(self) -> None:
        """Wait for the device."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()


class _Array:
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __enter__(self) -> np.memmap:
        self.folder = tempfile.TemporaryDirectory()
        file = Path(self.folder.name) / "states.npy"
        return np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=self.shape)

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()


def short_texts(count: int) -> list[str]:
    """The first utterances of at most 300 characters of a bundled corpus of small dialogues."""
    from lm_geometry.data_prep.corpora.catalogue import read_corpora
    from lm_geometry.data_prep.corpora.reading import read
    from lm_geometry.workspace import machine

    splits = read(read_corpora()[CORPUS], machine.downloads()).values()
    texts = [text for split in splits for text in split["text"] if 0 < len(text) <= 300]
    return (texts * (1 + count // len(texts)))[:count]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--sample", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch

    torch.set_num_threads(given.threads)
    bench = Bench(given.model, short_texts(given.texts))
    clock = measured.clock_for(0 if bench.device == "cuda" else given.threads)
    sample = random.Random(0).sample(bench.texts, given.sample)
    short = [text for text in sample if len(text) <= 200]
    works: dict[str, tuple[list[str], Callable[[], None]]] = {
        "bare": (bench.texts, bench.bare),
        "ours": (bench.texts, bench.ours),
        "published": (sample, lambda: bench.published(sample)),
    }
    if bench.tokenizer.mask_token_id is not None:
        works["masked, ours"] = (short, lambda: bench.ours("masked_token", short))
        works["masked, published"] = (short, lambda: bench.published_masked(short))
    todo = {name: work for name, (_, work) in works.items()}
    times = {k: v[0] for k, v in measured.interleaved(todo, given.repeat, clock).items()}
    print(f"{given.model}, {CORPUS}; {measured.hardware()}, {given.threads} threads")
    print(measured.table(HEAD, rows(bench, works, times)))


def rows(
    bench: Bench, works: dict[str, tuple[list[str], Callable[[], None]]], times: dict[str, float]
) -> list[tuple[str, ...]]:
    """The lines of the table; how much faster ours is, by texts."""
    found = []
    for name, (texts, _) in works.items():
        mine = "masked, ours" if "masked" in name else "ours"
        ratio = times[name] / len(texts) * len(works[mine][0]) / times[mine]
        tokens = len(bench.tokenised(texts).kept)
        numbers = (
            f"{len(texts)}",
            f"{tokens:,}",
            f"{times[name]:.2f}",
            f"{tokens / times[name]:,.0f}",
        )
        found.append((name, *numbers, "" if name == mine else f"{ratio:.2f} x as fast"))
    return found


if __name__ == "__main__":
    main()
