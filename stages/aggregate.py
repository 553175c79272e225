"""Means, differences and intervals of all estimates; headline metrics and figures.

dvc repro aggregate
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.aggregate.params import Aggregate
    from lm_geometry.aggregate.run import write_results
    from lm_geometry.estimate.params import Estimate

    write_results(Aggregate.read(), Estimate.read())


if __name__ == "__main__":
    main()
