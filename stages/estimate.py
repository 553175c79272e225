"""Estimate local and global dimensions of every point cloud, and all that is measured of prompts.

dvc repro estimate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.estimate.same_kernels import same_kernels

if __name__ == "__main__":
    same_kernels()  # before NumPy is loaded, which the rest does
    from lm_geometry.workspace.stage import running

    with running("estimate"):  # before what takes seconds to import
        from lm_geometry.estimate.run import run

        run()
