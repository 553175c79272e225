"""A training run as a program of its own, which can be killed: `python trained_program.py JSON`.

`spread` in the JSON has accelerate spread weights on the CPU, where it otherwise trains copies: in
every process, since each runs what stands here before its work.
"""

import json
import sys
from pathlib import Path

GIVEN = json.loads(Path(sys.argv[1]).read_text())

if GIVEN["spread"]:
    from tests.measure.sharded_training import take_processors_for_accelerators

    take_processors_for_accelerators()


def main() -> None:
    """Train as the JSON says."""
    from lm_geometry.finetune.fine_tuning import finetune
    from lm_geometry.finetune.params import Finetune
    from lm_geometry.measure.in_finetune import TrainingObserver
    from lm_geometry.outs.data_prep.model import ModelSource

    settings = Finetune.model_validate(GIVEN["settings"])
    observer = TrainingObserver() if settings.watch != "none" else None
    columns, work = GIVEN["columns"], Path(GIVEN["work"])
    source = ModelSource(**GIVEN["source"])
    finetune(source, settings, columns, columns, work, observer=observer)


if __name__ == "__main__":
    main()
