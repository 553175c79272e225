"""What `measure` costs beside the bare forward pass, and the callback beside training, in Markdown.

    python benchmarks/watching.py [--models minilm smollm2] [--threads 1]
    python benchmarks/watching.py --file 100 [--models minilm smollm2]
    python benchmarks/watching.py --budget 0.02 [--models tiny] [--runs 5] [--seconds 60]

The texts are speeches of the bundled package, cut to 128 tokens. `measure` and the model's body
alone read the same texts in turns, in one process; then a training step (AdamW, whole model, 8
texts of 128 tokens), and a call of the callback with its defaults on 60 other texts. With one
thread, times are processor seconds.

With `--file`, instead: `measure` of one text file of so many kB, all layers, beside the bare pass
on the same batches, and which part of the call takes which share of its time (`text_file.py`).

With `--budget`, instead: trainings of so many seconds each, or longer where the first measurement
takes more than half of what the budget allows in them, watched at every step that it allows; and
the share of the elapsed time that measurements took, the first one included. `tiny` is a
transformer of random weights, four blocks of width 64, watched with N = 300 and L = 32.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import measured
import pandas as pd
import text_file

TOKENS, BATCH, EVERY = 128, 8, 50
HEAD = ("work", "texts", "layers", "seconds", "of the bare pass")
KEPT = ("model", "budget", "steps", "measurements", "share of the time", "least to most", "runs")
SMALL = {"points": 300, "keep_tokens": 600, "n_neighbors": [32], "max_length": 64}
CALLBACK = ("model", "training step", "callback's call", "share at every 50 steps", "at 200")


def texts_of(number: int, first: int) -> pd.DataFrame:
    """The longest paragraph of so many speeches from the `first` on, a document each."""
    from lm_geometry.measure.texts import read_texts

    table = read_texts("speeches")
    ordered = table.assign(length=table["text"].str.len()).sort_values("length", ascending=False)
    chosen = ordered.drop_duplicates("document").sort_index().iloc[first : first + number]
    documents = [f"d{at}" for at in range(len(chosen))]
    return pd.DataFrame({"text": [text[:1500] for text in chosen["text"]], "document": documents})


def loaded(name: str) -> tuple[Any, Any]:
    """A bundled model and its tokenizer, or the tiny one."""
    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model
    from lm_geometry.models.load import load_model, load_tokenizer

    of_tiny = name == "tiny"
    source = resolve(Model.model_validate({"name": "smollm2" if of_tiny else name}), 0)
    tokenizer = load_tokenizer(source)
    return (tiny(len(tokenizer)) if of_tiny else load_model(source)), tokenizer


def tiny(tokens: int) -> Any:
    """A small model of random weights that knows so many tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=tokens,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    return LlamaForCausalLM(config)


def bare(model: Any, tokenizer: Any, texts: list[str]) -> Callable[[], None]:
    """The body's forward passes alone, of batches of like length."""
    import torch

    ids = tokenizer(texts, truncation=True, max_length=TOKENS)["input_ids"]
    ids.sort(key=len, reverse=True)
    pad = tokenizer.pad_token_id or 0
    batches = []
    for start in range(0, len(ids), 2048 // TOKENS):
        own = ids[start : start + 2048 // TOKENS]
        longest = max(map(len, own))
        padded = torch.tensor([one + [pad] * (longest - len(one)) for one in own])
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in own])
        batches.append((padded, mask))

    def work() -> None:
        with torch.no_grad():
            for padded, mask in batches:
                model.base_model(input_ids=padded, attention_mask=mask)

    return work


def calls(name: str, number: int, threads: int) -> list[list[str]]:
    """Lines of the table: the bare pass, and `measure` of the last layer and of all."""
    from lm_geometry import measure

    model, tokenizer = loaded(name)
    table = texts_of(number, 0)
    own = {"tokenizer": tokenizer, "max_length": TOKENS, "long_texts": "cut"}
    works: dict[str, Callable[[], Any]] = {
        "bare pass": bare(model, tokenizer, table["text"].tolist()),
        "last": lambda: measure(model, table, [-1], **own),
        "all": lambda: measure(model, table, "all", **own),
    }
    works["last"]()  # compiles
    found = measured.interleaved(works, 2, measured.clock_for(threads))
    usual = found["bare pass"][0]
    shown = {"bare pass": "–", "last": "the last", "all": "all"}
    lines = []
    for key, (spent, _) in found.items():
        work = key if key == "bare pass" else "measure"
        times = (f"{spent:.2f}", f"**{spent / usual:.2f}**")
        lines.append([f"{name}, {work}", str(number), shown[key], *times])
    return lines


def training(name: str) -> tuple[Any, Any, Callable[[], None]]:
    """A model, its tokenizer, and a training step of it."""
    import torch

    model, tokenizer = loaded(name)
    model.train()
    texts = texts_of(BATCH, 0)["text"].tolist()
    rows = [tokenizer(text, truncation=True, max_length=TOKENS)["input_ids"] for text in texts]
    shortest = min(map(len, rows))
    ids = torch.tensor([row[:shortest] for row in rows])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-6)

    def step() -> None:
        optimiser.zero_grad()
        model.base_model(input_ids=ids).last_hidden_state.square().mean().backward()
        optimiser.step()

    step()  # allocates the optimiser's moments
    return model, tokenizer, step


def watched(name: str, threads: int) -> list[str]:
    """A line of the table: a step, a call, and the share of the time that calls take."""
    from lm_geometry import LocalDimensionCallback

    model, tokenizer, step = training(name)
    watch = LocalDimensionCallback(texts_of(60, 100), budget=None, every=1, tokenizer=tokenizer)
    watch.step(model, 0)  # reads the texts, and compiles
    number = iter(range(1, 1000))
    works = {"step": step, "call": lambda: watch.step(model, next(number))}
    found = measured.interleaved(works, 3, measured.clock_for(threads))
    one, call = found["step"][0], found["call"][0]
    shares = [f"{call / (call + every * one):.1%}" for every in (EVERY, 4 * EVERY)]
    return [name, f"{one:.2f} s", f"{call:.2f} s", *shares]


def kept(name: str, budget: float, runs: int, seconds: float) -> list[str]:
    """A line of the table: the share of the time of trainings that take so many seconds."""
    from lm_geometry import LocalDimensionCallback

    model, tokenizer, step = training(name)
    options: Any = SMALL if name == "tiny" else {}
    texts = texts_of(60, 100)
    LocalDimensionCallback(texts, tokenizer=tokenizer, **options).step(model, 0)  # compiles
    shares, steps, times = [], [], []
    for _ in range(runs):
        watch = LocalDimensionCallback(
            texts, every=1, budget=budget, tokenizer=tokenizer, **options
        )
        began, number, least = time.monotonic(), 0, seconds
        while time.monotonic() - began < least:
            watch.step(model, number)
            step()
            number += 1
            # The first measurement counts as well: before this nothing can be within the budget.
            least = max(seconds, 2 * watch.history[0]["local_dimension/seconds"] / budget)
        elapsed = time.monotonic() - began
        spent = sum(line["local_dimension/seconds"] for line in watch.history)
        shares.append(spent / elapsed)
        steps.append(number)
        times.append(len(watch.history))
    middle = (f"{median(steps):,.0f}", f"{median(times):,.0f}", f"**{median(shares):.1%}**")
    return [name, f"{budget:.0%}", *middle, f"{min(shares):.1%}–{max(shares):.1%}", str(runs)]


def import_time() -> str:
    """How long `import lm_geometry` takes, in a sentence: the median of five processes."""
    script = "import time; t = time.process_time(); import lm_geometry"
    command = [sys.executable, "-c", f"{script}; print(time.process_time() - t)"]
    told = [subprocess.run(command, capture_output=True, text=True).stdout for _ in range(5)]
    return f"`import lm_geometry` takes {1000 * median(map(float, told)):.0f} ms."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["minilm", "smollm2"])
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--budget", type=float, help="measure how it is kept, and nothing else")
    parser.add_argument("--file", type=int, help="kB of a text file that is measured instead")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run, at least")
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    if asked.budget is not None:
        with contextlib.redirect_stdout(sys.stderr):
            how = (asked.budget, asked.runs, asked.seconds)
            of_budget = [kept(name, *how) for name in asked.models]
        print(f"{measured.hardware()}; {measured.versions('torch', 'transformers')}.\n")
        print(measured.table(KEPT, of_budget))
        return
    if asked.file is not None:
        for name in asked.models:
            with contextlib.redirect_stdout(sys.stderr):
                whole, parts = text_file.lines(name, *loaded(name), asked.file, asked.threads)
            print(measured.table(text_file.HEAD, whole) + "\n")
            print(measured.table(text_file.SHARES, parts) + "\n")
        return
    with contextlib.redirect_stdout(sys.stderr):  # what models and the callback say on their way
        lines = [line for name in asked.models for line in calls(name, asked.texts, asked.threads)]
        of_callback = [watched(name, asked.threads) for name in asked.models]
    print(f"{measured.hardware()}; {measured.versions('torch', 'transformers')}.\n")
    print(measured.table(HEAD, lines) + "\n")
    print(measured.table(CALLBACK, of_callback) + f"\n\n{import_time()}")


if __name__ == "__main__":
    main()
