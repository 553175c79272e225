"""Neighbour graphs, the geometry of a prompt and a training step, on the GPU and on the processor.

    python benchmarks/on_gpu.py [--work graphs prompts training exact streamed passes faiss]
        [--tokens 10000 60000 200000] [--processor-to 60000] [--toy]

Elapsed seconds of this library on all cores and on the CUDA device, whose result is checked to be
the same neighbours; copies to and from the device are counted. The effective rate is 2 N² D / time,
beside a float32 product of torch on the device without TF32. The last four works are told in
`tensor_cores.py`. `--toy` runs these at sizes of a few seconds, on the processor where there is no
CUDA device.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import clouds
import grokking
import measured
import numpy as np
import tensor_cores

NEIGHBOURS = 128
WIDTHS = (768, 4096)
GRAPHS = ("graph", "cores s", "GPU s", "ratio", "TFLOP/s", "of the GPU's product", "same")
PROMPTS = ("1,024 tokens of a prompt, float32 products", "cores ms", "GPU ms", "ratio", "same")
TRAINING = ("training step, 512 equations", "cores ms", "GPU ms", "ratio")


def torch_peak() -> float:
    """TFLOP/s of a float32 product of 8192 x 8192 on the device."""
    import torch

    A = torch.randn(8192, 8192, device="cuda")

    def product() -> None:
        torch.mm(A, A)
        torch.cuda.synchronize()

    return 2 * 8192**3 / measured.seconds(product, 3, time.perf_counter)[0] / 1e12


def graph_rows(sizes: Sequence[int], processor_to: int) -> list[list[str]]:
    """A line for each size of a made cloud."""
    from lm_geometry.neighbours import neighbour_graph
    from lm_geometry.neighbours.graph_of_cloud import Backend

    peak, rows = torch_peak(), []
    for tokens in sizes:
        X = clouds.made(tokens, WIDTHS[0])
        ways: tuple[Backend, ...] = ("torch", "own") if tokens <= processor_to else ("torch",)
        works: dict[str, Any] = {way: partial(neighbour_graph, X, NEIGHBOURS, way) for way in ways}
        interleaved = measured.interleaved(works, 2, time.perf_counter)
        gpu, graph = interleaved["torch"]
        rate = 2 * tokens**2 * WIDTHS[0] / gpu / 1e12
        cores, ratio, same = "", "", ""
        if "own" in interleaved:
            seconds, other = interleaved["own"]
            cores, ratio = f"{seconds:.2f}", f"**{seconds / gpu:.1f}**"
            same = f"{np.mean(graph.indices == other.indices):.6f}"
        name = f"{tokens:,} x {WIDTHS[0]}"
        rows.append([name, cores, f"{gpu:.2f}", ratio, f"{rate:.1f}", f"{rate / peak:.0%}", same])
    return rows


def prompt_rows() -> list[list[str]]:
    """A line for each width of a prompt whose states lie on the device, or in memory."""
    import torch

    from lm_geometry.embed.prompts import layer_geometry

    rows = []
    for width in WIDTHS:
        X = clouds.made(1024, width)
        on_device = torch.from_numpy(X).cuda()
        works = {
            "cores": lambda X=X: layer_geometry(X, precision="float32"),
            "gpu": lambda X=on_device: layer_geometry(X, precision="float32"),
        }
        found = measured.interleaved(works, 10, time.perf_counter)
        (cores, one), (gpu, other) = found["cores"], found["gpu"]
        same = np.mean(one.neighbours == other.neighbours)
        times = [f"{1e3 * cores:.1f}", f"{1e3 * gpu:.1f}", f"**{cores / gpu:.1f}**"]
        rows.append([f"width {width}", *times, f"{same:.6f}"])
    return rows


def training_row(precision: str, steps: int = 200) -> list[str]:
    """A line of the least time of a step, without what is measured and saved on the way."""
    import torch

    def synchronised(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            work()
            torch.cuda.synchronize()

        return run

    made = {
        place: synchronised(grokking.ours(97, steps, precision, place)[0])
        for place in ("cpu", "cuda")
    }
    found = measured.interleaved(made, 3, time.perf_counter)
    cpu, gpu = found["cpu"][0] / steps, found["cuda"][0] / steps
    return [precision, f"{1e3 * cpu:.2f}", f"{1e3 * gpu:.2f}", f"**{cpu / gpu:.1f}**"]


WORKS = ("graphs", "prompts", "training", "exact", "streamed", "passes", "faiss")


def tables(work: str, arguments: argparse.Namespace, device: str) -> str:
    """The table of a work."""
    sizes = tensor_cores.TOY if arguments.toy else tensor_cores.Sizes()
    if work == "exact":
        return measured.table(tensor_cores.EXACT, tensor_cores.exact_rows(sizes, device))
    if work == "streamed":
        return measured.table(tensor_cores.STREAMED, [tensor_cores.streamed_row(sizes, device)])
    if work == "passes":
        return measured.table(tensor_cores.PASSES, [tensor_cores.passes_row(sizes, device)])
    if work == "faiss":
        return measured.table(tensor_cores.FAISS, [tensor_cores.faiss_row(sizes)])
    if work == "graphs":
        return measured.table(GRAPHS, graph_rows(arguments.tokens, arguments.processor_to))
    if work == "prompts":
        return measured.table(PROMPTS, prompt_rows())
    return measured.table(TRAINING, [training_row(p) for p in ("float32", "bfloat16")])


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--tokens", type=int, nargs="+", default=[10_000, 60_000, 200_000])
    parser.add_argument("--processor-to", type=int, default=60_000)
    parser.add_argument("--toy", action="store_true")
    arguments = parser.parse_args()
    gpu = measured.graphics_processor()
    if not gpu and not arguments.toy:
        raise SystemExit("torch sees no CUDA device here; --toy runs small ones without")
    works = [work for work in arguments.work if gpu or work in WORKS[3:]]
    print(measured.hardware())
    for work in works:
        print("\n" + tables(work, arguments, "cuda" if gpu else "cpu"), flush=True)


if __name__ == "__main__":
    main()
