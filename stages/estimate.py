"""Estimate local and global dimensions of every point cloud, and all that is measured of prompts.

dvc repro estimate
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.estimate.same_kernels import same_kernels

if TYPE_CHECKING:
    from lm_geometry.workspace.work import Execute


def executing() -> "Execute":
    """Who computes the cells: loaded on demand, and no dependency, as no result hangs on it."""
    from lm_geometry.experiments.executors.chosen import execute

    return execute


if __name__ == "__main__":
    same_kernels()  # before NumPy is loaded, which the rest does
    from lm_geometry.workspace.stage import running

    with running("estimate"):  # before what takes seconds to import
        from lm_geometry.estimate.run import run

        run(executing())
