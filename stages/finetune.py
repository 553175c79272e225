"""Fine-tune the model on the training corpus; its checkpoints, loss curve and scores.

dvc repro finetune
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.workspace.stage import running

if TYPE_CHECKING:
    from lm_geometry.finetune.observed import Observer


def observing() -> "Observer":
    """What `finetune.watch` measures with: loaded where it is asked for, and no dependency.

    dvc.yaml does not name its code, so that an edit of what only looks on trains nothing anew;
    data/training_run names it instead.
    """
    from lm_geometry.measure.in_finetune import TrainingObserver

    return TrainingObserver()


if __name__ == "__main__":
    with running("finetune"):  # before what takes seconds to import
        from lm_geometry.finetune.run import run

        run(observing)
