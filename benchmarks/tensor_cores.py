"""Work for tensor cores: exact graphs, a streamed search, forward passes; and faiss on a GPU.

`on_gpu.py` prints these tables. Sizes of `toy` run on any processor, to see that the scripts do.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import clouds
import measured
import numpy as np

NEIGHBOURS = 128
AUDITED = 256  # tokens whose neighbours are found again by the distances to all others
EXACT = ("exact graph", "backend", "s", "TFLOP/s of one product", "proved at once", "audit")
STREAMED = ("queries x streamed tokens", "s", "TFLOP/s of one product")
PASSES = ("forward passes", "tokens / s", "TFLOP/s", "of the device's bf16 product")
FAISS = ("graph by faiss", "GPUs that faiss sees", "s", "same neighbours as ours")


class Sizes(NamedTuple):
    """How large each work is."""

    tokens: int = 1_000_000
    width: int = 768
    queries: int = 10_000
    shards: int = 40
    shard: int = 262_144
    layers: int = 16
    hidden: int = 2048
    vocabulary: int = 32_000
    sequences: int = 4096
    length: int = 512
    batch_tokens: int = 65_536
    product: int = 8192
    faiss: int = 200_000


TOY = Sizes(3000, 64, 100, 3, 2048, 2, 64, 300, 24, 32, 256, 256, 2000)


def synchronised(work: Callable[[], Any], device: str) -> Callable[[], Any]:
    """The same work, which ends when the device has done it."""
    import torch

    def run() -> Any:
        found = work()
        if device == "cuda":
            torch.cuda.synchronize()
        return found

    return run


def exact_rows(sizes: Sizes, device: str) -> list[list[str]]:
    """A line for each backend of one made cloud; the first searches ten thousand tokens before."""
    from lm_geometry.neighbours import neighbour_graph, search
    from lm_geometry.neighbours.graph_of_cloud import Backend

    X, rows = clouds.made(sizes.tokens, sizes.width), []
    backends: tuple[Backend, ...] = ("torch-int8", "torch")
    again = search.redone
    for backend in backends:
        left: list[int] = []
        neighbour_graph(X[:10_000], NEIGHBOURS, backend)  # loads and compiles what is needed
        search.redone = partial(_counted, again, left)
        try:
            work = synchronised(partial(neighbour_graph, X, NEIGHBOURS, backend), device)
            seconds, graph = measured.seconds(work, 1, time.perf_counter)
        finally:
            search.redone = again
        drawn = np.sort(np.random.default_rng(0).choice(len(X), AUDITED, replace=False))
        true = search.nearest_of_all(X, drawn, NEIGHBOURS)
        same = np.mean(graph.indices[drawn] == true.indices)
        rate = 2 * len(X) ** 2 * sizes.width / seconds / 1e12
        told = [f"{seconds:.2f}", f"{rate:.2f}", f"{1 - sum(left) / len(X):.4%}", f"{same:.6f}"]
        rows.append([f"{len(X):,} x {sizes.width}", backend, *told])
    return rows


def _counted(again: Callable[..., Any], left: list[int], X: Any, rows: Any, *more: Any) -> Any:
    left.append(len(rows))
    return again(X, rows, *more)


def streamed_row(sizes: Sizes, device: str) -> list[str]:
    """A line of products and selection alone: shards of made tokens lie on the device already."""
    import torch

    from lm_geometry.neighbours.with_matrix_units import lowest_of

    width = -(-sizes.width // 64) * 64
    made = torch.Generator(device=device).manual_seed(0)
    whole: dict[str, Any] = {"dtype": torch.int8, "device": device, "generator": made}
    queries = torch.randint(-127, 128, (sizes.queries // 32 * 32, 3 * width), **whole)
    shard = torch.randint(-127, 128, (sizes.shard, 3 * width), **whole)
    half = torch.zeros(sizes.shard, device=device)

    def compared(rows: torch.Tensor) -> Any:
        product: Any = torch._int_mm  # pyright: ignore[reportPrivateImportUsage]
        high = product(rows[:, :width], shard[:, :width].T)
        scores = torch.add(half, high, alpha=-(2.0**-14))
        scores.add_(product(rows[:, : 2 * width], shard[:, width:].T), alpha=-(2.0**-22))
        return lowest_of(scores, NEIGHBOURS)

    def stream() -> None:
        best: Any = None
        for _ in range(sizes.shards):
            found = [compared(rows).scores for rows in queries.split(1024)]
            joint = torch.cat(found) if best is None else torch.cat([best, torch.cat(found)], dim=1)
            best = joint.topk(NEIGHBOURS, largest=False, sorted=False).values

    seconds, _ = measured.seconds(synchronised(stream, device), 2, time.perf_counter)
    tokens = sizes.shards * sizes.shard
    rate = 2 * len(queries) * tokens * sizes.width / seconds / 1e12
    return [f"{len(queries):,} x {tokens:,} x {sizes.width}", f"{seconds:.2f}", f"{rate:.2f}"]


def passes_row(sizes: Sizes, device: str) -> list[str]:
    """A line of the embed stage's own passes of a random model, two of whose layers are kept."""
    import pandas as pd
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from lm_geometry.embed.hidden_states import HiddenStates
    from lm_geometry.embed.params import Embed
    from lm_geometry.embed.token_table import TokenisedCorpus

    config = LlamaConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.hidden,
        intermediate_size=4 * sizes.hidden,
        num_hidden_layers=sizes.layers,
        num_attention_heads=max(1, sizes.hidden // 128),
    )
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = LlamaForCausalLM(config).eval()
    layers = [sizes.layers // 2, sizes.layers]
    run = HiddenStates(model, device, torch.bfloat16, 0, layers)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, sizes.vocabulary, (sizes.sequences, sizes.length))
    places = np.arange(0, ids.size, 64)  # kept tokens: a sixty-fourth, as of a large corpus
    sequence, position = np.divmod(places, sizes.length)
    kept = pd.DataFrame({"sequence": sequence, "position": position, "token_id": ids.flat[places]})
    corpus = TokenisedCorpus(ids.tolist(), kept)
    settings = Embed.model_validate({"batch_tokens": sizes.batch_tokens, "layers": layers})
    shape = len(kept), sizes.hidden
    arrays = {str(layer): np.empty(shape, np.float32) for layer in layers}
    work = synchronised(lambda: run.write(corpus, settings, arrays, None, "passes"), device)
    seconds, _ = measured.seconds(work, 2, time.perf_counter)
    blocks = sum(weight.numel() for weight in model.model.layers.parameters())
    attention = 2 * sizes.length * sizes.hidden * sizes.layers  # of a token, causal: half of 4 L w
    rate = (2 * blocks + attention) * ids.size / seconds / 1e12
    name = f"{blocks / 1e9:.2f} B in blocks, {sizes.sequences:,} x {sizes.length}"
    share = f"{rate / product_rate(sizes, device):.0%}"
    return [name, f"{ids.size / seconds:,.0f}", f"{rate:.2f}", share]


def product_rate(sizes: Sizes, device: str) -> float:
    """TFLOP/s of a bfloat16 product on the device."""
    import torch

    A = torch.randn(sizes.product, sizes.product, device=device, dtype=torch.bfloat16)
    work = synchronised(lambda: A @ A, device)
    return 2 * sizes.product**3 / measured.seconds(work, 5, time.perf_counter)[0] / 1e12


def faiss_row(sizes: Sizes) -> list[str]:
    """A line of a graph by the faiss that is installed (`FAISS=gpu` at `make setup`)."""
    import faiss

    from lm_geometry.neighbours import neighbour_graph

    X = clouds.made(sizes.faiss, sizes.width)
    seconds, graph = measured.seconds(
        lambda: neighbour_graph(X, NEIGHBOURS, "faiss"), 1, time.perf_counter
    )
    other = neighbour_graph(X, NEIGHBOURS, "torch")
    gpus = getattr(faiss, "get_num_gpus", lambda: 0)()
    same = f"{np.mean(graph.indices == other.indices):.6f}"
    return [f"{len(X):,} x {sizes.width}", f"{gpus}", f"{seconds:.2f}", same]
