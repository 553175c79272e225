"""Time and equality of the estimators against scikit-dimension: a table in Markdown.

    python benchmarks/estimators.py [--tokens 1000 3000] [--threads 1] [--data FILE.npy]

The baseline is `TwoNN().fit_pw(X, n_neighbors=128)` for all tokens and `TwoNN().fit(X)` for the
cloud, in float32; ours is one neighbour graph and both estimates. With more than `--sample` tokens
the baseline's local part is timed on that many and scaled up. Times are processor seconds, the best
of three for ours, so that a busy machine changes little.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 128


def seconds(function: Callable[[], Any], repeat: int = 1) -> tuple[float, Any]:
    """The least processor time of `repeat` calls, and the last result."""
    times, result = [], None
    for _ in range(repeat):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def made_cloud(tokens: int, width: int) -> NDArray[np.float32]:
    """A cloud as a language model's: few strong directions, many weak, two huge coordinates."""
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((tokens, 30)) * np.geomspace(1, 0.2, 30)) @ rng.standard_normal(
        (30, width)
    )
    X += 0.3 * rng.standard_normal((tokens, width))
    X[:, :2] += [300, -300]
    return X.astype(np.float32)


def baseline(X: NDArray[np.float32], sample: int) -> tuple[dict[str, float], Any]:
    """Seconds of scikit-dimension's parts, and its estimates of the first `sample` tokens."""
    import skdim
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=NEIGHBOURS)
    knn, near = seconds(lambda: search.fit(X).kneighbors(return_distance=False))
    rows = near[:sample]
    share = len(X) / len(rows)
    twonn, local = seconds(lambda: skdim.id.TwoNN().fit_pw(X, rows, n_neighbors=NEIGHBOURS))
    some = rows[:200]
    lpca, _ = seconds(lambda: skdim.id.lPCA().fit_pw(X, some, n_neighbors=NEIGHBOURS))
    together, _ = seconds(lambda: skdim.id.TwoNN().fit(X))
    times = {"graph": knn, "local": twonn * share, "global": together, "lpca": lpca / len(some)}
    return times, local.dimension_pw_


def ours(X: NDArray[np.float32]) -> tuple[dict[str, float], Any]:
    """Seconds of this library's parts, and its local estimates."""
    from lm_geometry.dimension import lpca, twonn
    from lm_geometry.neighbours import neighbour_graph

    neighbour_graph(X[:300], NEIGHBOURS)
    knn, graph = seconds(lambda: neighbour_graph(X, NEIGHBOURS), 3)
    local, estimates = seconds(lambda: twonn.local_from_graph(graph, NEIGHBOURS, X=X), 3)
    together, _ = seconds(lambda: twonn.global_from_graph(graph), 3)
    spectra, _ = seconds(lambda: lpca.local(X, graph, NEIGHBOURS, rows=range(200)), 3)
    times = {"graph": knn, "local": local, "global": together, "lpca": spectra / 200}
    return times, estimates


def peak_gflops() -> float:
    """The single-precision matrix product of this machine in GFLOP/s, on the threads in use."""
    A = np.random.default_rng(0).standard_normal((2048, 1024), dtype=np.float32)
    B = A.copy()
    elapsed, _ = seconds(lambda: A @ B.T, 5)
    return 2 * 2048**2 * 1024 / elapsed / 1e9


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1000, 3000])
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sample", type=int, default=1000, help="tokens of the baseline")
    parser.add_argument("--data", help="a cloud in a .npy file in place of a made one")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # read by our own threads
    from threadpoolctl import threadpool_limits

    with threadpool_limits(arguments.threads):
        peak = peak_gflops()
        print(f"{arguments.threads} threads, matrix product {peak:.0f} GFLOP/s in float32\n")
        print(
            "| tokens | scikit-dimension s | ours s | ratio | graph ms | of peak | local µs/token "
            "| lPCA µs/token | lPCA ratio | largest difference | peak memory MB |"
        )
        print("|" + "---|" * 11)
        for tokens in arguments.tokens:
            cloud = (
                np.load(arguments.data) if arguments.data else made_cloud(tokens, arguments.width)
            )
            print(row(cloud[:tokens], arguments.sample, peak), flush=True)


def row(X: NDArray[np.float32], sample: int, peak: float) -> str:
    """One line of the table."""
    mine, estimates = ours(X)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs, reference = baseline(X, sample)
    totals = [sum(times[part] for part in ("graph", "local", "global")) for times in (theirs, mine)]
    effective = 2 * len(X) ** 2 * X.shape[1] / mine["graph"] / 1e9 / peak
    difference = np.max(np.abs(estimates[: len(reference)] / reference - 1))
    return (
        f"| {len(X)} | {totals[0]:.2f} | {totals[1]:.3f} | {totals[0] / totals[1]:.1f} "
        f"| {1e3 * mine['graph']:.0f} | {effective:.0%} | {1e6 * mine['local'] / len(X):.1f} "
        f"| {1e6 * mine['lpca']:.0f} | {theirs['lpca'] / mine['lpca']:.1f} "
        f"| {difference:.0e} | {memory:.0f} |"
    )


if __name__ == "__main__":
    main()
