"""Estimate local and global dimensions of every point cloud, and all that is measured of prompts.

dvc repro estimate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.estimate.params import Estimate
    from lm_geometry.estimate.prompts import estimate_prompts
    from lm_geometry.estimate.run import estimate

    estimate(Estimate.read())
    estimate_prompts()


if __name__ == "__main__":
    main()
