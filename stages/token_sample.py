"""Choose the tokens of every point cloud; their rows, and how many each step left.

dvc repro token-sample
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.workspace.stage import running

if __name__ == "__main__":
    with running("token-sample"):  # before what takes seconds to import
        from lm_geometry.token_sample.run import run

        run()
