"""What the states of a forward pass differ by with other threads and processors, in Markdown.

    python benchmarks/forward_differences.py [--models smollm2,minilm] [--sequences 16]

All are compared with one thread of this processor as it is; kernels of AVX2 are those of another
process. *values*: the share of values with other bits. *states*: the largest |x − y| / |x| of a
token, all layers. *neighbours*: the share of the 64 nearest of a token that are others, last layer.
*dimension*: by how much the mean local dimension of the last layer moves (TwoNN, L = 64, all
neighbours).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measured
import numpy as np

HEAD = ("model", "with", "values", "states", "neighbours", "dimension")
CORPUS, TOKENS, SIZE, CHARACTERS = "early-speeches", 64, 64, 600
PASSES = {"one thread": 1, "one thread, again": 1, "two threads": 2}
# torch's own loops, those of oneDNN, and of MKL, which only processors of its maker heed.
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def write_states(model: str, sequences: int, folder: Path) -> None:
    """The states `[layers, tokens, width]` of the first tokens of so many texts, by each pass."""
    import torch

    from lm_geometry.data_prep.corpora.catalogue import resolve as resolve_corpus
    from lm_geometry.data_prep.corpora.reading import read
    from lm_geometry.data_prep.model_names import resolve
    from lm_geometry.data_prep.params import Model
    from lm_geometry.models.load import load_model, load_tokenizer
    from lm_geometry.workspace.machine import downloads

    source = resolve(Model.model_validate({"name": model}), seed=0)
    tokenizer, loaded = load_tokenizer(source), load_model(source)
    texts = read(resolve_corpus(CORPUS), downloads())["train"]["text"]
    long = [text for text in texts if len(text) >= CHARACTERS][:sequences]
    ids = [tokenizer(text, truncation=True, max_length=TOKENS)["input_ids"] for text in long]
    for told, threads in PASSES.items():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            found = loaded.base_model(input_ids=torch.tensor(ids), output_hidden_states=True)
        np.save(folder / f"{told}.npy", torch.stack(found.hidden_states).flatten(1, 2).numpy())


def states_of(model: str, sequences: int, machine: dict[str, str]) -> dict[str, np.ndarray]:
    """The same by pass, of another process with `machine` in its environment."""
    words = [sys.executable, __file__, "--models", model, "--sequences", str(sequences)]
    threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | threads | machine
        subprocess.run([*words, "--write", folder], env=environment, check=True)
        return {told: np.load(Path(folder) / f"{told}.npy") for told in PASSES}


def row(model: str, told: str, states: np.ndarray, other: np.ndarray) -> tuple[str, ...]:
    """What two passes differ by, as a line of the table."""
    from lm_geometry import local_dimension
    from lm_geometry.neighbours import neighbour_graph

    values = (states.view(np.int32) != other.view(np.int32)).mean()
    lengths = np.linalg.norm(states.astype(np.float64), axis=-1)
    away = np.linalg.norm(states.astype(np.float64) - other, axis=-1)
    near = [neighbour_graph(cloud[-1], SIZE).indices for cloud in (states, other)]
    kept = np.mean([len(np.intersect1d(a, b)) for a, b in zip(*near, strict=True)]) / SIZE
    means = [local_dimension(cloud[-1], n_neighbors=SIZE).mean() for cloud in (states, other)]
    return (
        model,
        told,
        f"{values:.0%}" if 0 < values < 1 else ("all" if values else "none"),
        f"{(away / lengths).max():.0e}" if values else "0",
        "0" if kept == 1 else f"{max(1 - kept, 1e-4):.2%}{' or less' if 1 - kept < 1e-4 else ''}",
        f"{abs(means[1] - means[0]):.0e} of {means[0]:.2f}" if means[0] != means[1] else "0",
    )


def main() -> None:
    """Measure as the command line asks, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="smollm2,minilm")
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    models = given.models.split(",")
    if given.write:
        write_states(models[0], given.sequences, given.write)
        return
    rows = []
    for model in models:
        here, other = (states_of(model, given.sequences, machine) for machine in ({}, AVX2))
        states = here.pop("one thread")
        others = here | {f"kernels of AVX2, {told}": own for told, own in other.items()}
        rows += [row(model, told, states, own) for told, own in others.items()]
    print(f"{measured.hardware()}; {measured.versions('torch', 'numpy')}\n")
    print(measured.table(HEAD, rows))


if __name__ == "__main__":
    main()
