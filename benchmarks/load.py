"""Peak memory and processor time of large work, a line of Markdown each.

    python benchmarks/load.py corpus [--lines 10000000]     # data-prep's corpora of a jsonl file
    python benchmarks/load.py dimension [--points 60000]    # local TwoNN, 768 dimensions, L = 128

Memory is the largest that the process held, libraries and all; the corpus is made first, by another
process, in the folder for temporary files, and gone afterwards.
"""

import argparse
import contextlib
import io
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TEXT = "line {0} of a corpus that is long: some more of it, and {1} words of which {2} are its own"
WIDTH, SIZE, BLOCK = 768, 128, 1000


def write_corpus(path: Path, lines: int) -> None:
    """A jsonl file of texts of about 85 characters, ten to a document."""
    with path.open("w") as file:
        for number in range(lines):
            text = TEXT.format(number, number * 7919 % 1_000_003, number % 97)
            file.write(f'{{"text": "{text}", "document": "d{number // 10}"}}\n')


def prepare(path: Path) -> None:
    """What the stage data-prep does with a corpus that is trained on and measured."""
    from lm_geometry.data_prep.params import DataPrep
    from lm_geometry.data_prep.run import prepare_corpora
    from lm_geometry.workspace import paths

    with tempfile.TemporaryDirectory() as folder:
        for name in ("TRAINING", "CORPORA"):
            setattr(paths, name, Path(folder) / name)
        source = f"file:{path}"
        prepare_corpora(DataPrep.model_validate({"train": source, "evaluate": [source]}))


def estimate(points: int) -> None:
    """The local dimension of every point of a Gaussian cloud."""
    from lm_geometry import local_dimension

    random = np.random.default_rng(0)
    X = np.empty((points, WIDTH), np.float32)
    for start in range(0, points, BLOCK):
        X[start : start + BLOCK] = random.standard_normal(
            X[start : start + BLOCK].shape, np.float32
        )
    local_dimension(X, n_neighbors=SIZE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=("corpus", "dimension"))
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--points", type=int, default=60_000)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        write_corpus(asked.write, asked.lines)
        return
    with tempfile.TemporaryDirectory() as folder:
        told = f"local dimension of {asked.points:,} × {WIDTH}"
        path = Path(folder) / "corpus.jsonl"
        if asked.work == "corpus":
            words = [sys.executable, __file__, "corpus", "--lines", str(asked.lines)]
            subprocess.run([*words, "--write", str(path)], check=True)
            told = f"data-prep, a corpus of {asked.lines:,} lines"
        began = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            if asked.work == "corpus":
                prepare(path)
            else:
                estimate(asked.points)
        used = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"| {told} | {peak:,.0f} MB | {used:,.0f} s |")


if __name__ == "__main__":
    main()
