"""Local and global dimension of one cloud, ours against scikit-dimension: a table in Markdown.

    python benchmarks/estimators.py [--tokens 1000 3000] [--threads 1] [--cloud made|minilm|smollm2]

The baseline is the published way: `TwoNN().fit_pw(X, n_neighbors=128)` for all tokens and
`TwoNN().fit_transform(X)` for the cloud, in float32. Ours is one neighbour graph and both
estimates. Above 3,000 tokens the baseline's local part, which is a loop over tokens, is timed on
`--sample` tokens and scaled up; its neighbour search and global estimate are run whole. The two
take turns, and the best of each is kept. With one thread, times are processor seconds.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

import clouds
import measured
import numpy as np

NEIGHBOURS = 128
WHOLE = 3000  # tokens up to which the baseline's local part is run on all
MODELS = {"minilm": [5, 6], "smollm2": [15]}  # layers, side by side
HEAD = (
    *("cloud", "N x D", "scikit-dimension s", "ours s", "ratio", "graph s", "of GEMM peak"),
    *("local µs/token", "lPCA µs/token", "lPCA ratio", "largest difference", "memory MB, theirs"),
)


def baseline(X: clouds.Cloud, sample: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Seconds of scikit-dimension's parts, its memory and its estimates of the first tokens."""
    import skdim
    from sklearn.neighbors import NearestNeighbors

    def local(rows: Any, estimator: Any) -> Any:
        return estimator.fit_pw(X, rows, n_neighbors=NEIGHBOURS).dimension_pw_

    search = NearestNeighbors(n_neighbors=NEIGHBOURS)
    graph, near = measured.seconds(
        lambda: search.fit(X).kneighbors(return_distance=False), 1, clock
    )
    rows = near if len(X) <= WHOLE else near[:sample]
    pointwise, found = measured.seconds(lambda: local(rows, skdim.id.TwoNN()), 1, clock)
    lpca, _ = measured.seconds(lambda: local(near[:200], skdim.id.lPCA()), 1, clock)
    whole, (memory, value) = measured.seconds(
        lambda: measured.peak_memory(lambda: skdim.id.TwoNN().fit_transform(X)), 1, clock
    )
    total = graph + pointwise * len(X) / len(rows) + whole
    return {"total": total, "lpca": lpca / 200, "local": found, "global": value, "memory": memory}


def ours(X: clouds.Cloud, backend: Any, clock: Callable[[], float]) -> dict[str, Any]:
    """Seconds of this library's parts, its memory and its estimates."""
    from lm_geometry.dimension import lpca, twonn
    from lm_geometry.neighbours import neighbour_graph

    neighbour_graph(X[:300], NEIGHBOURS, backend)  # compiles

    def run() -> tuple[float, ...]:
        start = clock()
        graph = neighbour_graph(X, NEIGHBOURS, backend)
        searched = clock()
        found["local"] = twonn.local_from_graph(graph, NEIGHBOURS, X=X)
        pointwise = clock()
        found["global"] = twonn.global_from_graph(graph)
        end = clock()
        found["graph of all"] = graph
        return end - start, searched - start, pointwise - searched

    found: dict[str, Any] = {}
    memory, times = measured.peak_memory(run)
    names = ("total", "graph", "local s")
    graph = found.pop("graph of all")
    spectra, _ = measured.seconds(
        lambda: lpca.local(X, graph, NEIGHBOURS, rows=np.arange(200)), 2, clock
    )
    return found | dict(zip(names, times, strict=True)) | {"memory": memory, "lpca": spectra / 200}


def row(name: str, X: clouds.Cloud, sample: int, threads: int, peak: float) -> list[str]:
    """One line of the table."""
    clock, repeat = measured.clock_for(threads), 3 if len(X) <= 10_000 else 1
    mine, theirs = [ours(X, "own", clock)], []
    for _ in range(repeat):
        theirs.append(baseline(X, sample, clock))
        mine.append(ours(X, "own", clock))
    best = {k: min(run[k] for run in mine) for k in ("total", "graph", "local s", "lpca", "memory")}
    other = {k: min(run[k] for run in theirs) for k in ("total", "lpca", "memory")}
    reference = theirs[0]["local"]
    local = np.max(np.abs(mine[0]["local"][: len(reference)] / reference - 1))
    whole = abs(mine[0]["global"] / theirs[0]["global"] - 1)
    effective = 2 * len(X) ** 2 * X.shape[1] / best["graph"] / 1e9 / peak
    return [
        *(name, f"{len(X):,} x {X.shape[1]}", f"{other['total']:.2f}", f"{best['total']:.3f}"),
        *(f"**{other['total'] / best['total']:.1f}**", f"{best['graph']:.3f}", f"{effective:.0%}"),
        *(f"{1e6 * best['local s'] / len(X):.1f}", f"{1e6 * best['lpca']:.0f}"),
        *(f"**{other['lpca'] / best['lpca']:.1f}**", f"{max(local, whole):.0e}"),
        f"{best['memory']:.0f}, {other['memory']:.0f}",
    ]


def gpu_row(name: str, X: clouds.Cloud) -> str:
    """A sentence on the same estimates with the graph made on the GPU, in seconds that pass."""
    clock = measured.clock_for(0)
    ours(X, "torch", clock)
    run = ours(X, "torch", clock)
    return (
        f"{measured.graphics_processor()}: {name} {len(X):,} x {X.shape[1]}: "
        f"{run['total']:.3f} s, graph {run['graph']:.3f} s"
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--width", type=int, default=768, help="of the made cloud")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sample", type=int, default=1000, help="tokens of the baseline's loop")
    parser.add_argument("--cloud", nargs="+", choices=("made", *MODELS), default=["made"])
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # read by our own threads
    from threadpoolctl import threadpool_limits

    rows = []
    with threadpool_limits(arguments.threads):
        peak = measured.peak_gflops(measured.clock_for(arguments.threads))
        print(f"{arguments.threads} threads, matrix product {peak:.0f} GFLOP/s in float32\n")
        for name in arguments.cloud:
            most = max(arguments.tokens)
            made = name == "made"
            X = (
                clouds.made(most, arguments.width)
                if made
                else clouds.real(name, MODELS[name], most)
            )
            for tokens in arguments.tokens:
                rows.append(row(name, X[:tokens], arguments.sample, arguments.threads, peak))
    print(measured.table(HEAD, rows))
    if measured.graphics_processor():
        for name in arguments.cloud:
            print("\n" + gpu_row(name, clouds.made(max(arguments.tokens), arguments.width)))


if __name__ == "__main__":
    main()
