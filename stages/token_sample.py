"""Choose the tokens of every point cloud; their rows, and how many each step left.

dvc repro token-sample
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.data_prep.params import DataPrep
    from lm_geometry.token_sample.params import TokenSample
    from lm_geometry.token_sample.prompts import write_prompt_clouds
    from lm_geometry.token_sample.run import write_clouds

    write_clouds(TokenSample.read(), paper=DataPrep.read().order == "paper")
    write_prompt_clouds()


if __name__ == "__main__":
    main()
