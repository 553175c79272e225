"""How far our estimates are from DADApy's on the same clouds: a table in Markdown.

    make verify, or .venv-dadapy/bin/python benchmarks/against_dadapy.py [--data A.npy B.npy]

Each library finds its own neighbours. Every cell is the largest deviation on a cloud, over all
GRIDE scales up to 256, all k up to 31, both directions; relative for dimensions and their errors.
A second table has one prompt of the bundled model, whose layers `prompt_geometry` reduces; its
cosines are compared with scikit-learn's. Exits with 1 where a limit is exceeded. A third has what
ABIDE reads, DADApy's binomial estimator at neighbourhoods of constant density (k*), which we have
not, beside ours on spheres and Gaussians. `--data` are two arrays `[tokens, width]` of the same
tokens, such as two layers of data/hidden_states, in place of what the bundled model makes of
bundled text.
"""

import argparse
import contextlib
import io
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from clouds import made, real
from numpy.typing import NDArray
from prompts import real_layers

from lm_geometry import (
    deduplicate,
    flat_equivalent,
    global_dimension,
    gride,
    information_imbalance,
    local_dimension,
    neighbourhood_overlap,
)
from lm_geometry.embed.prompts import prompt_geometry
from lm_geometry.estimate import prompt_numbers

LIMITS = {
    "GRIDE dimension": 1e-6,
    "GRIDE error": 1e-6,
    "TwoNN": 1e-6,
    "neighbourhood overlap": 1e-12,
    "information imbalance": 1e-12,
}
PROMPT_LIMITS = {
    "GRIDE dimension": 1e-6,
    "GRIDE error": 1e-6,
    "neighbourhood overlap": 1e-12,
    "mean cosine": 1e-12,
    "deviation of cosines": 1e-12,
}
PROMPT_LAYERS = [1, 2, 10, 11, 20, 21, 29, 30]
RANGE, K_MAX = 256, 31
MODEL, LAYERS = "smollm2", [20, 24]
Pair = tuple[NDArray[Any], NDArray[Any]]


def pairs(tokens: int, data: list[str] | None) -> Iterator[tuple[str, Pair]]:
    """Two clouds of the same tokens, without copies, and what they are."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((tokens, 20))
    yield "Gaussian, and noise", (X, X + 0.3 * rng.standard_normal(X.shape))
    copies = np.concatenate([X[: tokens - tokens // 20], X[: tokens // 20]])
    Y = copies + 0.3 * rng.standard_normal(X.shape)
    yield "Gaussian, 5 % copies removed", without_copies(copies, Y)
    M = made(tokens, 768)
    yield "made as a model's, and half of its coordinates", (M, M[:, ::2])
    if data:
        yield "hidden states, " + " and ".join(data), without_copies(*map(np.load, data))
    else:
        states = real(MODEL, LAYERS, tokens)
        halves = np.split(states, len(LAYERS), axis=1)
        yield f"{MODEL}, layers {LAYERS[0]} and {LAYERS[1]}", without_copies(halves[0], halves[1])


def without_copies(A: NDArray[Any], B: NDArray[Any]) -> Pair:
    """The tokens that are no copies in either cloud."""
    kept = np.intersect1d(deduplicate(A), deduplicate(B))
    return A[kept], B[kept]


def ours(A: NDArray[Any], B: NDArray[Any]) -> list[Any]:
    """What this library reads, in the order of LIMITS."""
    scales = gride(A, RANGE)
    overlap = neighbourhood_overlap(A, B, K_MAX)
    return [
        scales.dimension,
        scales.error,
        global_dimension(A, "twonn"),
        overlap,
        information_imbalance(A, B),
    ]


def prompt_deviations(states: NDArray[Any]) -> list[list[float]]:
    """The largest deviation of each kind, a row per layer; overlaps are with the next one."""
    from dadapy import Data  # pyright: ignore[reportMissingImports]  it has its own environment
    from sklearn.metrics.pairwise import cosine_similarity

    prompt = prompt_geometry(states, RANGE, K_MAX)
    scales = prompt_numbers.dimension(prompt)
    exact = states.astype(np.float64)
    rows, data = [], [Data(coordinates=X, maxk=len(X) - 1) for X in exact]
    for one in data:
        one.compute_distances()
    for i, one in enumerate(data):
        following = min(i + 1, len(data) - 1)
        dimension, error, _ = one.return_id_scaling_gride(RANGE)
        overlap = [
            one.return_data_overlap(dist_indices=data[following].dist_indices, k=k)
            for k in range(1, K_MAX + 1)
        ]
        cosines = cosine_similarity(exact[i])
        rows.append(
            [
                float(np.abs(scales.dimension[i] / dimension - 1).max()),
                float(np.abs(scales.error[i] / error - 1).max()),
                float(np.abs(prompt_numbers.overlap(prompt, i, following) - overlap).max()),
                abs(float(prompt.mean_cosine[i]) - cosines.mean()),
                abs(float(prompt.cosine_deviation[i]) - cosines.std()),
            ]
        )
    return rows


def theirs(A: NDArray[Any], B: NDArray[Any]) -> list[Any]:
    """What DADApy reads, in the order of LIMITS."""
    from dadapy import Data  # pyright: ignore[reportMissingImports]  it has its own environment

    first, second = (Data(coordinates=X.astype(np.float64), maxk=len(X) - 1) for X in (A, B))
    first.compute_distances()
    second.compute_distances()
    dimension, error, _ = first.return_id_scaling_gride(RANGE)
    overlap = [
        first.return_data_overlap(dist_indices=second.dist_indices, k=k)
        for k in range(1, K_MAX + 1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that it takes all tokens, as it is told to
        both = first.return_information_imbalace(second.X, subset_size=len(A))
    twonn = first.compute_id_2NN()[0]
    return [dimension, error, twonn, overlap, [both[0][0], both[1][0]]]


def deviations(A: NDArray[Any], B: NDArray[Any]) -> list[float]:
    """The largest deviation of each kind."""
    found = []
    for name, own, other in zip(LIMITS, ours(A, B), theirs(A, B), strict=True):
        own, other = np.asarray(own), np.asarray(other)
        difference = np.abs(own - other)
        found.append(float(np.max(difference if LIMITS[name] < 1e-9 else difference / other)))
    return found


def abide(X: NDArray[Any]) -> tuple[float, float]:
    """The dimension of DADApy's last iteration, and the median size of its neighbourhoods."""
    from dadapy import Data  # pyright: ignore[reportMissingImports]  it has its own environment

    data = Data(coordinates=X.astype(np.float64), maxk=len(X) - 1)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        found = data.return_ids_kstar_binomial()
    return float(found[0][-1]), float(np.median(found[2][-1]))


def _abide_table(tokens: int = 3000) -> None:
    """Prints what ABIDE and our estimators read on clouds of known dimension."""
    columns = ["ABIDE", "its k*, median", "TwoNN", "GRIDE n₁=8", "local TwoNN L=128"]
    print("\n| cloud | d |", " | ".join([*columns, "flat-equivalent"]), "|")
    print("|---|---|" + "---|" * (len(columns) + 1))
    rng = np.random.default_rng(0)
    for d in (5, 10, 20):
        X = rng.standard_normal((tokens, d + 1))
        sphere = X / np.linalg.norm(X, axis=1, keepdims=True)
        for name, cloud in (("sphere", sphere), ("Gaussian", X[:, :d])):
            dimension, size = abide(cloud)
            local = float(np.nanmean(local_dimension(cloud, 128)))
            own = [global_dimension(cloud, "twonn"), global_dimension(cloud, "gride", scale=16)]
            flat = flat_equivalent(local, tokens, 128).dimension
            cells = [f"{dimension:.1f}", f"{size:.0f}"]
            cells += [f"{value:.1f}" for value in (*own, local, flat)]
            print(f"| {name} | {d} |", " | ".join(cells), "|", flush=True)


def main() -> int:
    """Prints the table; returns 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--data", nargs=2, metavar="FILE.npy")
    arguments = parser.parse_args()
    print("| clouds | tokens | width |", " | ".join(LIMITS), "|")
    print("|---|---|---|" + "---|" * len(LIMITS))
    exceeded = []
    for title, (A, B) in pairs(arguments.tokens, arguments.data):
        found = deviations(A, B)
        cells = " | ".join(f"{value:.1e}" for value in found)
        print(f"| {title} | {len(A)} | {A.shape[1]} | {cells} |", flush=True)
        for (name, limit), value in zip(LIMITS.items(), found, strict=True):
            if not value <= limit:
                exceeded.append(f"{title}: {name} deviates by {value:.1e}, more than {limit:.0e}")
    print("| limit | | |", " | ".join(f"{limit:.0e}" for limit in LIMITS.values()), "|")
    if not arguments.data:
        exceeded += _prompt_table()
        _abide_table()
    print("\n".join(exceeded), file=sys.stderr, end="\n" if exceeded else "")
    return bool(exceeded)


def _prompt_table() -> list[str]:
    """Prints the table of a prompt, and returns what exceeds its limit."""
    states = real_layers(MODEL)[PROMPT_LAYERS]
    head = f"\n| one prompt of {states.shape[1]:,} tokens, {MODEL} |"
    print(head, " | ".join(PROMPT_LIMITS), "|")
    print("|---|" + "---|" * len(PROMPT_LIMITS))
    exceeded = []
    for layer, found in zip(PROMPT_LAYERS, prompt_deviations(states), strict=True):
        print(f"| layer {layer} |", " | ".join(f"{value:.1e}" for value in found), "|")
        for (name, limit), value in zip(PROMPT_LIMITS.items(), found, strict=True):
            if not value <= limit:
                exceeded.append(f"layer {layer}: {name} deviates by {value:.1e}")
    print("| limit |", " | ".join(f"{limit:.0e}" for limit in PROMPT_LIMITS.values()), "|")
    return exceeded


if __name__ == "__main__":
    sys.exit(main())
