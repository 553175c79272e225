"""Runs every benchmark and writes benchmarks/RESULTS.md, with the machine named by its hardware.

    python benchmarks/report.py [--quick] [--only estimators pairs ...]

The whole takes about half an hour on two cores; `--quick` leaves out the cloud of 60,000 tokens.
Sections that are not run again, as that of a GPU where there is none, keep what the file says.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import measured

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
ESTIMATORS = "Local and global dimension, lPCA"
SIZES = ("--tokens", "1000", "3000", "10000")
SECTIONS: dict[str, tuple[str, list[str], int]] = {
    "estimators": (f"{ESTIMATORS}: one thread", ["estimators.py", *SIZES], 1),
    "two-threads": (f"{ESTIMATORS}: two threads", ["estimators.py", *SIZES], 2),
    "real": (
        f"{ESTIMATORS}: hidden states of bundled models",
        ["estimators.py", *SIZES, "--cloud", "minilm", "smollm2"],
        1,
    ),
    "large": (f"{ESTIMATORS}: 60,000 tokens", ["estimators.py", "--tokens", "60000"], 1),
    "graph": ("Neighbour graphs: exact, int8, approximate", ["graphs.py"], 1),
    "pairs": ("Pairs of clouds, and copies", ["pairs.py"], 1),
    "prompts": ("Geometry of one prompt", ["prompts.py"], 1),
    "prompt-run": ("One prompt through a model", ["prompt_run.py"], 1),
    "grokking": ("A training step on modular arithmetic", ["grokking.py"], 1),
    "embedding": ("Embedding a corpus of short texts", ["embedding.py"], 2),
    "watching": ("Measuring, and watching a training", ["watching.py"], 1),
    "budget": (
        "The budget of a watched training",
        ["watching.py", "--budget", "0.02", "--models", "tiny"],
        1,
    ),
    "dialogue": ("A training step on dialogue states", ["dialogue_state.py"], 1),
    "gpu": ("On a GPU", ["on_gpu.py"], os.cpu_count() or 1),
}
HEADER = """\
# Results of the benchmarks

Made by `make benchmark`, on machines that other programs used as well."""
QUICK = ("large", "graph")
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(script: list[str], threads: int) -> str:
    """What a benchmark prints; raises CalledProcessError where it fails."""
    environment = os.environ | dict.fromkeys(BLAS, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}
    given = ["--threads", str(threads)] if script[0] == "estimators.py" else []
    command = [sys.executable, str(FOLDER / script[0]), *script[1:], *given]
    print(" ".join(command[1:]), flush=True)
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    return done.stdout.strip()


def written() -> dict[str, str]:
    """The sections that RESULTS.md holds, by title."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^## ", RESULTS.read_text(), flags=re.MULTILINE)[1:]
    return {title: body.strip() for title, _, body in (part.partition("\n") for part in parts)}


def main() -> None:
    """Runs the sections and writes the file after each, so that nothing measured is lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    arguments = parser.parse_args()
    found = written()
    libraries = measured.versions("numpy", "torch", "scikit-dimension", "faiss-cpu", "dadapy")
    gpu = measured.graphics_processor()
    machine = f"Measured on: {measured.hardware()}; {libraries}."
    for name in arguments.only:
        if (arguments.quick and name in QUICK) or (name == "gpu" and not gpu):
            continue
        title, script, threads = SECTIONS[name]
        found[title] = f"{machine}\n\n{run(script, threads)}"
        titles = [title for title, _, _ in SECTIONS.values() if title in found]
        body = "\n\n".join(f"## {title}\n\n{found[title]}" for title in titles)
        RESULTS.write_text(f"{HEADER}\n\n{body}\n")


if __name__ == "__main__":
    main()
