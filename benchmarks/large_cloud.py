"""Queries in a large cloud of made states that no memory holds: time, rate, memory, by shards.

    python benchmarks/large_cloud.py [--tokens 200000] [--queries 3000] [--shards 4]

The cloud is made block by block, from a stream of its own each, and searched as `embed.queries`
is: the 256 nearest of each query, the states of 128. `--tokens 10000000` is all of what
docs/large-clouds.md tells of. Time does not count the making of the cloud; the rate is
2 · queries · tokens · width / time, beside numpy's product of this machine. Shards are searched
apart, last one first, and merged; the lists' hash is printed, the same for any number of them.
"""

import argparse
import hashlib
import time
from collections.abc import Iterator

import measured
import numpy as np

BLOCK = 4096
DIMENSION = 24  # of the made cloud, beside noise in all coordinates


def blocks(tokens: int, width: int) -> list[tuple[int, int]]:
    """First and last token of each block."""
    return [(first, min(first + BLOCK, tokens)) for first in range(0, tokens, BLOCK)]


def states(first: int, last: int, width: int) -> np.ndarray:
    """Made states `[tokens, width]`: a curved sheet with noise, the same whenever they are made."""
    directions = np.random.default_rng(0).standard_normal((2 * DIMENSION, width), dtype=np.float32)
    rng = np.random.default_rng([1, first])
    inner = rng.standard_normal((last - first, DIMENSION), dtype=np.float32)
    sheet = np.hstack([np.sin(inner), np.cos(inner)]) @ directions
    return sheet + 0.1 * rng.standard_normal((last - first, width), dtype=np.float32)


def searched(options: argparse.Namespace) -> Iterator[str]:
    """A line for each thing that was measured."""
    from lm_geometry.neighbours.of_queries.search import QueryNeighbours

    tokens, width, count = options.tokens, options.width, options.queries
    rows = np.sort(np.random.default_rng(2).choice(tokens, count, replace=False))
    own = np.empty((count, width), np.float32)
    for first, last in blocks(tokens, width):
        mine = (rows >= first) & (rows < last)
        if mine.any():
            own[mine] = states(first, last, width)[rows[mine] - first]
    found, entered, spent = None, 0, 0.0
    for part in reversed(np.array_split(np.array(blocks(tokens, width)), options.shards)):
        search = QueryNeighbours(own, rows, options.neighbours, near=options.vectors)
        for first, last in part:
            block = states(first, last, width)
            start = time.perf_counter()
            entered += int(search.add(block, np.arange(first, last)).sum())
            spent += time.perf_counter() - start
        start = time.perf_counter()
        if found is None:
            found = search
        else:
            found.merge(search)
        spent += time.perf_counter() - start
    assert found is not None
    rate = 2 * count * tokens * width / spent / 1e9
    peak = measured.peak_gflops(time.perf_counter)
    lists = hashlib.sha256(b"".join(array.tobytes() for array in found.nearest)).hexdigest()
    yield f"{tokens:,} tokens x {width}, {count:,} queries, {options.shards} shards: {spent:.1f} s"
    yield f"{rate:.0f} GFLOP/s, {rate / peak:.0%} of numpy's {peak:.0f}"
    yield f"states that came among the nearest {options.vectors}: {entered:,}; needed in the end: "
    yield f"{len(found.needed()):,}"
    yield f"lists {lists[:16]}"


def main() -> None:
    """Print what was measured, and the most memory that it took."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    for name, usual in (("tokens", 200_000), ("queries", 3000), ("width", 576), ("shards", 1)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    parser.add_argument("--neighbours", type=int, default=256)
    parser.add_argument("--vectors", type=int, default=128)
    options = parser.parse_args()
    memory, lines = measured.peak_memory(lambda: list(searched(options)))
    print("\n".join([*lines, f"{memory:,.0f} MB of memory at most"]))


if __name__ == "__main__":
    main()
