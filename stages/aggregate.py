"""Means, differences and intervals of all estimates; headline metrics and figures.

dvc repro aggregate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.workspace.stage import running

if __name__ == "__main__":
    with running("aggregate"):  # before what takes seconds to import
        from lm_geometry.aggregate.run import run

        run()
