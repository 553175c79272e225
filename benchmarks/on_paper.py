"""What a streamed run over a large corpus costs: hours, disk and network, worked out, in Markdown.

    python benchmarks/on_paper.py [--weights 70e9] [--width 8192] [--depth 80] [--tokens 1e9]
        [--queries 10000] [--layers 8] [--neighbours 128] [--cell-gpus 2] [--nodes 50]

Rates are constants below, each with where it is from: measured (`RESULTS.md`), published by the
maker, or an aim that was not measured. Nothing is run.
"""

import argparse

import measured

PEAK = 989e12  # FLOP/s, dense bfloat16 of an H100 SXM: published
PEAK_INT8 = 1979e12  # operations/s, dense 8-bit integers of the same: published
SHARE = 0.4  # of either peak that passes and integer products reach: an aim, not measured
GPU_FLOAT32 = 20.0e12  # FLOP/s of exact graphs of 200,000 x 768 in float32, H100: measured
CORE = 293e9 / 2  # FLOP/s of a float32 product per core, Xeon with AMX: measured
PCIE = 25e9  # bytes/s from a GPU to memory: well below the published 63 GB/s of PCIe 5 x16
NETWORK = 1.25e9  # bytes/s, 10 Gbit/s
CORES = 16  # of a machine for each GPU
HEAD = ("what", "how much", "worked out as")


def rows(given: argparse.Namespace) -> list[tuple[str, str, str]]:
    """The lines of the table."""
    weights, tokens, queries, layers = given.weights, given.tokens, given.queries, given.layers
    attention = 2 * given.length * given.width * given.depth
    passes = (2 * weights + attention) * tokens
    work = passes / (SHARE * PEAK) / 3600
    gpus = work * given.cell_gpus
    search = 2 * queries * tokens * given.width * layers
    states = tokens * given.width * layers
    lists = queries * given.neighbours * 16 * layers
    vectors = queries * given.width * 4 * layers
    names = "states that leave the GPU"
    return [
        ("passes", f"{passes:.2g} FLOP", "(2 weights + 2 length · width · depth) · tokens"),
        ("… of one GPU that never waits", f"{work:,.0f} h", f"{SHARE:.0%} of {PEAK / 1e12:,.0f} T"),
        (
            f"… in cells of {given.cell_gpus} GPUs (`device_map`)",
            f"{gpus:,.0f} GPU hours",
            "blocks run in turn: one GPU of a cell at a time",
        ),
        (
            f"… on {given.nodes} machines of such a cell",
            f"{work / given.nodes:,.1f} h",
            "cells depend on nothing of each other",
        ),
        ("search of the queries", f"{search:.2g} FLOP", "2 queries · tokens · width · layers"),
        (
            "… by processors, as it is",
            f"{search / CORE / 3600:,.0f} core hours",
            f"{CORE / 1e9:.0f} GFLOP/s of a core; the GPUs' machines have {gpus * CORES:,.0f}",
        ),
        (
            "… on a GPU, float32",
            f"{search / GPU_FLOAT32 / 3600:,.0f} GPU hours",
            f"{GPU_FLOAT32 / 1e12:.0f} TFLOP/s, as exact graphs",
        ),
        (
            "… on a GPU, 8-bit integers",
            f"{3 * search / (SHARE * PEAK_INT8) / 3600:,.1f} GPU hours",
            f"three products at {SHARE:.0%} of {PEAK_INT8 / 1e12:,.0f} T",
        ),
        (
            names,
            f"{states * 4 / 1e12:,.0f} TB, {states * 4 / PCIE / 3600:,.1f} h of all links together",
            f"float32, {PCIE / 1e9:.0f} GB/s",
        ),
        ("disk, states stored", f"{states * 4 / 1e12:,.0f} TB", "tokens · width · layers · 4"),
        (
            "disk, streamed (`embed.store: none`)",
            f"{(lists + vectors) / 1e9:,.1f} GB",
            "lists (16 bytes a neighbour) and vectors of the queries",
        ),
        (
            "… and of a shard, until it is merged",
            f"{lists / 1e6:,.0f} MB",
            "its lists alone",
        ),
        (
            "network, weights to a machine",
            f"{2 * weights / 1e9:,.0f} GB, {2 * weights / NETWORK:,.0f} s",
            f"bfloat16, once, {NETWORK * 8 / 1e9:.0f} Gbit/s",
        ),
        (
            "network, text to all machines",
            f"{4.5 * tokens / 1e9:,.1f} GB each",
            "4.5 bytes of English a token",
        ),
        (
            "network, a shard's lists to where they are merged",
            f"{lists / NETWORK * 1e3:,.0f} ms",
            "as above",
        ),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"weights": 70e9, "width": 8192, "depth": 80, "tokens": 1e9, "length": 512}
    sizes |= {"queries": 10_000, "layers": 8, "neighbours": 128, "cell-gpus": 2, "nodes": 50}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=float if size > 1e6 else int, default=size)
    print(measured.table(HEAD, rows(parser.parse_args())))


if __name__ == "__main__":
    main()
