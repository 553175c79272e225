"""Time and equality of the geometry of one prompt against the plain way: a table in Markdown.

    python benchmarks/prompts.py [--shapes 31x576 13x768 9x4096] [--real] [--repeat 2]

The plain way is numpy and scikit-learn step by step, as published: float32 distance and cosine
matrices of every layer, `numpy.unique` of the rows of distances, full argsorts, bisection scale by
scale, and neighbourhoods compared token by token, for which it takes the largest number of the
whole matrix of neighbours twice per token (the lean columns leave that out). Its overlap is timed
on `--pairs` pairs of layers and scaled up. Where tokens are repeated, it counts a token among its
own neighbours and may miss copies, and its numbers differ; DADApy gets the distinct tokens and
float64 distances, which are not timed. All take turns in one process with one thread; times are
processor seconds, the best of `--repeat`.
"""

import argparse
import time
from importlib import import_module
from typing import Any, NamedTuple

import clouds
import measured
import numpy as np
from numpy.typing import NDArray

HEAD = (
    "prompt",
    "plain way s",
    "lean plain way s",
    "precision",
    "ours s",
    "ratio",
    "lean ratio",
    "of peak",
    "dimension",
    "overlap",
    "cosine",
    "DADApy s",
    "dimension against it",
    "peak memory MB",
)
TOKENS, MAXK, RANGE, K = 1024, 300, 256, 31


class Plain(NamedTuple):
    """Results of the plain way for one layer."""

    dimension: NDArray[np.float64]  # [scales]
    cosine: tuple[float, float]  # mean and standard deviation, with the diagonal
    distances: NDArray[np.float32]  # [tokens, tokens]


def plain_layer(X: NDArray[np.float32]) -> Plain:
    """Distances, cosines and GRIDE, each from a matrix of its own."""
    from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances

    distances = euclidean_distances(X)
    cosines = cosine_similarity(X)
    kept = np.unique(distances, axis=0, return_index=True)[1]
    among = distances[np.ix_(kept, kept)]
    order = np.argsort(among, axis=1)[:, : MAXK + 1]
    radii = np.take_along_axis(among, order, axis=1).astype(np.float64)
    scales = int(np.log2(min(RANGE, len(kept) - 1)))
    dimension = [plain_scale(radii[:, 2**i], radii[:, 2 ** (i + 1)], 2**i) for i in range(scales)]
    spread = float(cosines.mean()), float(cosines.std())
    return Plain(np.array([d for d, _ in dimension]), spread, distances)


def plain_scale(near: Any, far: Any, n1: int) -> tuple[float, float]:
    """GRIDE and its error at n₂ = 2 n₁, by bisection on [0.001, 1000] to 1e-7."""
    mu = far / near
    mu[mu == 1] += 10 * np.finfo(float).eps
    middle, high = np.percentile(mu, [50, 95])
    logarithms = np.log(mu[mu < 20 * (high - middle) + middle])
    low, top = 1e-3, 1e3
    while top - low > 1e-7:
        d = (low + top) / 2
        share = np.maximum(1 - np.exp(-d * logarithms), 2e-7)
        terms = ((1 - n1) / share + 2 * n1 - 1) * logarithms
        if terms.sum() > (len(logarithms) - 1) / d:
            top = d
        else:
            low = d
    every = np.log(mu)
    share = np.maximum(1 - np.exp(-top * every), 1.1e-15)
    curvature = (n1 - 1) * np.sum(every**2 * np.exp(-top * every) / share**2)
    return top, (len(mu) / top**2 + curvature) ** -0.5


def plain_overlap(A: Any, B: Any, lean: bool) -> NDArray[np.float64]:
    """χ_k for k = 1 … 31 from two distance matrices, token by token."""
    near_a, near_b = (np.argsort(distances, axis=1) for distances in (A, B))
    shared, last = np.zeros(K), len(A) - 1
    for a, b in zip(near_a, near_b, strict=True):
        size = 1 + (last if lean else max(near_a.max(), near_b.max()))
        in_a, in_b = np.zeros(size, bool), np.zeros(size, bool)
        for k in range(K):  # the token itself is taken to be the first
            in_a[a[k + 1]] = in_b[b[k + 1]] = True
            shared[k] += np.count_nonzero(in_a & in_b)
    return shared / len(A) / np.arange(1, K + 1)


class PlainPrompt(NamedTuple):
    """What the plain way takes and finds."""

    seconds: float
    lean_seconds: float
    layers: list[Plain]
    overlap: NDArray[np.float64]  # [pairs, K] of the first pairs of layers


def plain(states: NDArray[np.float32], pairs: int) -> PlainPrompt:
    """The plain way, its overlap measured on some pairs of layers and scaled up."""
    clock, pairs = time.process_time, min(pairs, len(states) - 1)
    start = clock()
    layers = [plain_layer(X) for X in states]
    spent = clock() - start
    totals, shared = [], []
    for lean in (False, True):
        start = clock()
        for i in range(pairs):
            shared.append(plain_overlap(layers[i].distances, layers[i + 1].distances, lean))
        totals.append(spent + (clock() - start) / pairs * (len(states) - 1))
    return PlainPrompt(totals[0], totals[1], layers, np.array(shared[:pairs]))


def ours(states: NDArray[np.float32], precision: Any) -> Any:
    """This library's geometry of the prompt, and what is derived from it."""
    from lm_geometry.embed.prompts import prompt_geometry
    from lm_geometry.estimate import prompt_numbers

    prompt = prompt_geometry(states, precision=precision)
    return prompt, prompt_numbers.dimension(prompt), prompt_numbers.consecutive_overlap(prompt)


def dadapy(states: NDArray[np.float32]) -> tuple[float, NDArray[np.float64]] | None:
    """Seconds of DADApy's GRIDE on float64 distances, and its dimensions `[layers, scales]`."""
    try:
        Data = import_module("dadapy").Data
    except ImportError:
        return None
    from scipy.spatial.distance import cdist

    found, spent = [], 0.0
    for X in states:
        distinct = np.unique(X, axis=0).astype(np.float64)
        distances = cdist(distinct, distinct)
        start = time.process_time()
        data = Data(distances=distances, maxk=MAXK)
        found.append(data.return_id_scaling_gride(range_max=RANGE)[0])
        spent += time.process_time() - start
    return spent, np.array(found)


def made_layers(layers: int, width: int) -> NDArray[np.float32]:
    """Layers that each move a little away from the one before."""
    rng = np.random.default_rng(1)
    states = np.repeat(clouds.made(TOKENS, width)[None], layers, axis=0)
    for layer in range(1, layers):
        step = rng.standard_normal((TOKENS, width), dtype=np.float32)
        states[layer] = states[layer - 1] + np.float32(0.1) * step
    return states


def real_layers(model: str) -> NDArray[np.float32]:
    """Hidden states `[layers, tokens, width]` of one prompt of the bundled encyclopaedia."""
    import torch

    from lm_geometry.data_prep.corpora.catalogue import read_corpora
    from lm_geometry.data_prep.corpora.reading import read
    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model
    from lm_geometry.models.load import load_model, load_tokenizer
    from lm_geometry.workspace import machine

    source = resolve(Model.model_validate({"name": model}), seed=0)
    splits = read(read_corpora()["encyclopaedia"], machine.downloads()).values()
    text = "\n".join(text for split in splits for text in split["text"][:200]).strip()
    tokens = load_tokenizer(source)(
        text, add_special_tokens=False, truncation=True, max_length=TOKENS, return_tensors="pt"
    )
    with torch.inference_mode():
        outputs = load_model(source).base_model(**tokens, output_hidden_states=True)
    return torch.cat(outputs.hidden_states).numpy()


def rows(name: str, states: NDArray[np.float32], arguments: Any, peak: float) -> list[list[str]]:
    """Two lines of the table, one for each precision."""
    runs: list[PlainPrompt] = []
    works: dict[str, measured.Work] = {"plain": lambda: runs.append(plain(states, arguments.pairs))}
    plain_layer(states[0])
    for precision in ("float64", "float32"):
        ours(states[:2], precision)  # compiles
        works[precision] = lambda precision=precision: ours(states, precision)
    found = measured.interleaved(works, arguments.repeat, time.process_time)
    theirs = min(runs, key=lambda run: run.seconds)
    reference = dadapy(states)
    lines = []
    for precision in ("float64", "float32"):
        memory, _ = measured.peak_memory(works[precision])
        line = _line(found[precision], theirs, reference, 2 * TOKENS * states.size / 1e9 / peak)
        lines.append([name, *line[:2], precision, *line[2:], f"{memory:.0f}"])
    return lines


def _line(own: tuple[float, Any], theirs: PlainPrompt, reference: Any, at_peak: float) -> list[str]:
    spent, (prompt, gride, overlap) = own
    times = [f"{theirs.seconds:.1f}", f"{theirs.lean_seconds:.1f}", f"{spent:.3f}"]
    ratios = [f"**{theirs.seconds / spent:.1f}**", f"{theirs.lean_seconds / spent:.1f}"]
    differences = [
        largest(gride.dimension / np.array([layer.dimension for layer in theirs.layers]) - 1),
        largest(overlap[: len(theirs.overlap)] - theirs.overlap),
        largest(prompt.mean_cosine - [layer.cosine[0] for layer in theirs.layers]),
    ]
    against = ["-", "-"]
    if reference is not None:
        against = [f"{reference[0]:.1f}", largest(gride.dimension / reference[1] - 1)]
    return [*times, *ratios, f"{at_peak / spent:.0%}", *differences, *against]


def largest(differences: Any) -> str:
    """The largest absolute value, in short."""
    return f"{np.max(np.abs(differences)):.0e}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", default=["31x576", "13x768", "9x4096"])
    parser.add_argument("--real", action="store_true", help="a prompt of the bundled SmolLM2 too")
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=2, help="of layers behind the overlap's time")
    arguments = parser.parse_args()
    from threadpoolctl import threadpool_limits

    every = []
    with threadpool_limits(1):
        peak = measured.peak_gflops(time.process_time)
        print(f"{measured.hardware()}; 1 thread, {peak:.0f} GFLOP/s in float32")
        print(measured.versions("numpy", "scikit-learn", "dadapy") + "\n")
        for shape in arguments.shapes:
            layers, width = map(int, shape.split("x"))
            every += rows(f"{layers} x {width}", made_layers(layers, width), arguments, peak)
        if arguments.real:
            every += rows("SmolLM2", real_layers("smollm2"), arguments, peak)
    print(measured.table(HEAD, every))


if __name__ == "__main__":
    main()
