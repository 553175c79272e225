"""Two processes train, watched or not: `torchrun -m tests.measure.distributed_training …`."""

import sys
from pathlib import Path

import torch

from lm_geometry.measure.callback import LocalDimensionCallback
from tests.measure.training import SMALL, TEXTS, trained


def main(model: Path, out: Path, watched: bool) -> None:
    watch = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    callbacks = [watch] if watched else []
    trainer, weights = trained(model, out, [*callbacks], steps=3, ddp_backend="gloo")
    assert trainer.args.world_size == 2
    rank = trainer.args.process_index
    assert len(watch.history) == (4 if watched and rank == 0 else 0)
    torch.save(weights, out / f"weights-{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "watched")
