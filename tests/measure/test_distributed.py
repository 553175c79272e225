"""The callback in a training of two processes (DDP, gloo): weights bit-equal, nobody waits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import TinyModel
from tests.structure import ROOT

SCRIPT = "tests.measure.distributed_training"
SECONDS = 240


@pytest.mark.slow
def test_two_processes_train_to_the_same_weights_with_and_without_it(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    found = {}
    for kind in ("watched", "alone"):
        out = tmp_path / kind
        out.mkdir()
        words = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", SCRIPT]
        subprocess.run(
            [sys.executable, *words, str(tiny_models["llama"].folder), str(out), kind],
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
            check=True,
            timeout=SECONDS,
        )
        found[kind] = [torch.load(out / f"weights-{rank}.pt") for rank in (0, 1)]
    for own, other in zip(found["watched"], found["alone"], strict=True):
        assert all(torch.equal(own[name], other[name]) for name in own)
