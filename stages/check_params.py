"""Refuse params.yaml and the catalogue with every error at once; each stage begins with this.

It says what differs from the committed params.yaml, so that left-overs of `dvc exp run -S` are
seen, and where nothing is trained. What such a `-S` set and is refused does not stay in the file.
It decides whether a stage runs and never what it writes: it is no dependency of any stage.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.experiments.committed import left_over, told
from lm_geometry.experiments.refused import put_back, typed
from lm_geometry.params.check import check_or_exit
from lm_geometry.workspace.faults import sentences
from lm_geometry.workspace.printing import print_any_character

if __name__ == "__main__":
    print_any_character()
    with sentences():
        try:
            # A stage has the corpora of these parameters, or none: DVC took others away.
            params = check_or_exit(prepared="DVC_STAGE" in os.environ)
        except SystemExit:
            if said := put_back(typed()):
                print(said, file=sys.stderr)
            raise
        if differs := left_over():
            print(f"params.yaml differs from the last commit: {told(differs)}", flush=True)
        if os.environ.get("DVC_STAGE") == "finetune" and params.finetune.task == "none":
            print("finetune.task is none: nothing is trained", flush=True)
