"""Fine-tune the model on the training corpus; its checkpoints, loss curve and scores.

dvc repro finetune
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.finetune.params import Finetune
    from lm_geometry.finetune.run import train
    from lm_geometry.models.arithmetic.params import Equations
    from lm_geometry.outs.data_prep.model import read_model_source
    from lm_geometry.workspace import paths
    from lm_geometry.workspace.files import write_json

    records = train(read_model_source(), Finetune.read(), Equations.read())
    write_json(paths.LOSS_CURVE, records["curve"])
    write_json(paths.SCORES, records["scores"])


if __name__ == "__main__":
    main()
