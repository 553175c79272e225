"""Two processes that do next to nothing: `-m tests.finetune.launched_program KIND FOLDER`."""

import os
import sys
import time
from pathlib import Path

from lm_geometry.finetune.launched import launch
from lm_geometry.finetune.together import Processes


def work(together: Processes, kind: str, folder: Path) -> None:
    """Say who this is and what all agree on, then end as `kind` says, or wait for that."""
    told = together.agreed(f"of {together.rank}"), together.gathered(together.rank)
    (folder / f"{together.rank}.txt").write_text(f"{os.getpid()} {told}")
    together.wait()
    if kind == "refuses" and together.rank == 1:
        raise ValueError("this is not right: take another")
    if kind == "fails" and together.rank == 1:
        _ = [][0]
    if kind != "ends":
        time.sleep(600)


if __name__ == "__main__":
    FOLDER = Path(sys.argv[2])
    launch(2, work, sys.argv[1], FOLDER, logs=FOLDER / "logs")
    print("done", flush=True)
