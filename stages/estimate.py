"""Estimate local and global dimensions of every point cloud.

dvc repro estimate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params
from lm_geometry.estimation import estimate
from lm_geometry.params.estimate import Estimate


def main() -> None:
    params.check()
    estimate(Estimate.read())


if __name__ == "__main__":
    main()
