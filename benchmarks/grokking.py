"""A training step on modular arithmetic, ours against the published way: a table in Markdown.

    python benchmarks/grokking.py [--modulus 97] [--steps 5] [--repeat 12]

The baseline is a plain re-implementation of the published model, data loader and step: examples
drawn one by one and collated, every token of every equation through every block, dropout 0.1, loss,
accuracy, attention entropy and norm of the weights read out at every step, AdamW without fusion.
Ours trains without dropout, computes nothing twice and keeps the data on the device. All take turns
on one thread, in processor seconds, and the best of each is kept.
"""

import argparse
import math
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import measured
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

WIDTH, HEADS, BATCH = 128, 4, 512
HEAD = ("training step", "ms", "times faster", "largest difference of logits")


class Drawn(IterableDataset[tuple[Tensor, Tensor]]):
    """Equations drawn one at a time, each made when it is drawn."""

    def __init__(self, modulus: int, fraction: float, seed: int) -> None:
        self.modulus = modulus
        self.generator = random.Random(seed)
        pairs = list(range(modulus**2))
        self.generator.shuffle(pairs)
        self.pairs = pairs[: int(len(pairs) * fraction)]
        self.number = {word: i for i, word in enumerate(["o", "=", *range(modulus)])}

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            a, b = divmod(self.generator.choice(self.pairs), self.modulus)
            ids = [self.number[word] for word in (a, "o", b, "=")]
            result = self.number[(a - b) % self.modulus] - 2
            yield torch.tensor(ids), torch.tensor(result)


class PlainAttention(nn.Module):
    """Attention written out, with dropout of its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.key, self.value, self.query, self.output = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.entropy = 0.0

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        shape = (len(x), x.shape[1], HEADS, WIDTH // HEADS)
        key, value, query = (m(x).reshape(shape) for m in (self.key, self.value, self.query))
        scores = torch.einsum("bqhd,bkhd->hbqk", query, key) / math.sqrt(shape[-1])
        weights = functional.softmax(scores.masked_fill(mask, -math.inf), dim=-1)
        weights = self.dropout(weights.transpose(0, 1).contiguous())
        attended = torch.einsum("bkhd,bhqk->bqhd", value, weights)
        self.entropy = -(weights * torch.log(weights + 1e-7)).sum(dim=-1).mean().item()
        return self.output(attended.reshape(x.shape))


class PlainBlock(nn.Module):
    """A pre-norm block with dropout after attention and around the second map."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = PlainAttention()
        self.expand, self.contract = nn.Linear(WIDTH, 512), nn.Linear(512, WIDTH)
        self.first_norm, self.second_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.first, self.second, self.third = (nn.Dropout(0.1) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.first(self.attention(self.first_norm(x), mask)) + x
        inner = self.second(functional.gelu(self.expand(self.second_norm(x))))
        return self.third(self.contract(inner)) + x


class PlainModel(nn.Module):
    """The published model, with logits at every token."""

    def __init__(self, modulus: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(PlainBlock() for _ in range(2))
        self.embeddings, self.positions = nn.Embedding(modulus + 2, WIDTH), nn.Embedding(5, WIDTH)
        self.output = nn.Linear(WIDTH, modulus)
        self.dropout, self.norm = nn.Dropout(0.1), nn.LayerNorm(WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        tokens = ids.shape[1]
        mask = torch.triu(torch.ones(tokens, tokens), diagonal=1).bool()
        mask = mask.unsqueeze(0).repeat(len(ids), 1, 1)
        x = self.embeddings(ids) * math.sqrt(WIDTH) + self.positions.weight[:tokens]
        x = self.dropout(x)
        for block in self.blocks:
            x = block(x, mask)
        return self.output(self.norm(x))


def published(modulus: int, steps: int) -> Callable[[], dict[str, float]]:
    """A function that trains for `steps` and returns what the last one read out."""
    torch.manual_seed(0)
    model = PlainModel(modulus)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-6, weight_decay=1.0
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, total_iters=10)
    batches = iter(DataLoader(Drawn(modulus, 0.4, 42), batch_size=BATCH))

    def run() -> dict[str, float]:
        read = {}
        for _ in range(steps):
            ids, results = next(batches)
            logits = model(ids)[:, -1]
            loss = functional.cross_entropy(logits, results)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            read = {
                "loss": loss.item(),
                "accuracy": (logits.argmax(dim=-1) == results).float().mean().item(),
                "norm": math.sqrt(sum(w.pow(2).sum().item() for w in model.parameters())),
            }
        return read

    return run


def ours(
    modulus: int, steps: int, precision: str, device: str = "cpu"
) -> tuple[Callable[[], None], Any]:
    """The same with this project's training, without what is measured and saved on the way."""
    from lm_geometry.finetune.arithmetic import loop, recipe, run
    from lm_geometry.finetune.params import Finetune
    from lm_geometry.models.arithmetic import equations
    from lm_geometry.models.arithmetic.params import Arithmetic
    from lm_geometry.outs.data_prep.equations import Equations

    divided = equations.make_equations(Equations.model_validate({"modulus": modulus}))
    changes = {"steps": 10_000, "batch_size": BATCH, "weight_decay": 1.0, "precision": precision}
    settings = Finetune.model_validate(changes | {"method": "full", "betas": [0.9, 0.98]})
    made = recipe.recipe(settings, Arithmetic.model_validate({}), len(divided.train))
    started = run.Run.start(made, divided, device)
    return lambda: loop.advance(started, steps), started


def largest_difference(run: Any, precision: str) -> float:
    """Between the logits of the shared path and the plain float32 forward pass."""
    from lm_geometry.models.arithmetic import fast_path

    ids = torch.from_numpy(run.equations.train.ids)
    with torch.no_grad():
        shared = fast_path.logits(run.model, ids, precision)
        return float((shared - run.model(ids)).abs().max())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modulus", type=int, default=97)
    parser.add_argument("--steps", type=int, default=5, help="in a turn")
    parser.add_argument("--repeat", type=int, default=12, help="turns")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    clock = measured.clock_for(1)
    baseline = published(arguments.modulus, arguments.steps)
    works: dict[str, Callable[[], Any]] = {"published": baseline}
    runs = {}
    for precision in ("float32", "bfloat16"):
        works[precision], runs[precision] = ours(arguments.modulus, arguments.steps, precision)
    for work in works.values():
        work()
    times = measured.interleaved(works, arguments.repeat, clock)
    slow = times["published"][0]
    rows = [["published way", f"{1e3 * slow / arguments.steps:.1f}", "1", ""]]
    for name, run in runs.items():
        fast = times[name][0]
        milliseconds, ratio = f"{1e3 * fast / arguments.steps:.1f}", f"**{slow / fast:.1f}**"
        rows.append([f"ours, {name}", milliseconds, ratio, f"{largest_difference(run, name):.0e}"])
    print(f"p = {arguments.modulus}, batch {BATCH}, 2 blocks of width {WIDTH}, one thread\n")
    print(measured.table(HEAD, rows))


if __name__ == "__main__":
    main()
