"""Fine-tune the model on the training corpus; its checkpoints, loss curve and scores.

dvc repro finetune
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.finetune.run import run
from lm_geometry.workspace.stage import running

if __name__ == "__main__":
    with running("finetune"):
        run()
