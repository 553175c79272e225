"""Prepare the training corpus, the compared corpora and the prompts; resolve the model's name.

dvc repro data-prep
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.workspace.stage import running

if __name__ == "__main__":
    with running("data-prep"):  # before what takes seconds to import
        from lm_geometry.data_prep.run import run

        run()
