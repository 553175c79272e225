"""Neighbour graphs of large clouds, every way there is: a table in Markdown.

    python benchmarks/graphs.py [--tokens 20000 60000] [--approximate-to 20000]

128 neighbours in 768 coordinates, one thread, processor seconds of one search each after a small
one that compiles. The effective rate is 2 N² D / time, beside the float32 matrix product of numpy
and of torch on this machine: it can pass them, since a product of two tokens serves both, and where
8-bit integers are faster than float32 the exact search makes use of them. Recall is against the
exact graph of this library, on all tokens.
"""

import argparse
import time

import clouds
import measured
import numpy as np

NEIGHBOURS = 128
WAYS = {
    "exact": {},
    "exact, float32 products": {"float32": True},
    "exact, faiss": {"backend": "faiss"},
    "int8": {"search": "int8"},
    "approximate": {"search": "approximate"},
}
HEAD = ("way", "N", "seconds", "GFLOP/s", "of numpy's peak", "of torch's", "recall", "memory MB")


def torch_peak() -> float:
    """GFLOP/s of torch's float32 product of 4096 x 4096."""
    import torch

    A = torch.from_numpy(np.random.default_rng(0).standard_normal((4096, 4096), dtype=np.float32))
    return 2 * 4096**3 / measured.seconds(lambda: A @ A, 3, time.process_time)[0] / 1e9


def graph_of(X: clouds.Cloud, float32: bool = False, **options: str):
    """The graph of one way; `float32` does without 8-bit integers."""
    from lm_geometry.neighbours import neighbour_graph, search

    usual = search.is_faster
    search.is_faster = (lambda *_: False) if float32 else usual
    try:
        return neighbour_graph(X, NEIGHBOURS, **options)
    finally:
        search.is_faster = usual


def rows(tokens: int, approximate_to: int) -> list[list[str]]:
    """A line for each way, of a made cloud of `tokens` tokens."""
    X = clouds.made(tokens, 768)
    peaks = measured.peak_gflops(time.process_time), torch_peak()
    found, exact = [], None
    for way, options in WAYS.items():
        if way == "approximate" and tokens > approximate_to:
            continue
        graph_of(X[:1000], **options)
        start = time.process_time()
        memory, graph = measured.peak_memory(lambda options=options: graph_of(X, **options))
        seconds = time.process_time() - start
        exact = graph.indices if exact is None else exact
        shared = [np.isin(a, b).mean() for a, b in zip(graph.indices, exact, strict=True)]
        rate = 2 * tokens**2 * X.shape[1] / seconds / 1e9
        numbers = [f"{seconds:.2f}", f"{rate:.0f}", *(f"**{rate / peak:.0%}**" for peak in peaks)]
        found.append([way, f"{tokens:,}", *numbers, f"{np.mean(shared):.6f}", f"{memory:.0f}"])
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[20_000, 60_000])
    parser.add_argument("--approximate-to", type=int, default=20_000, help="tokens; it is slow")
    arguments = parser.parse_args()
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        lines = [row for n in arguments.tokens for row in rows(n, arguments.approximate_to)]
    print(measured.table(HEAD, lines))


if __name__ == "__main__":
    main()
