"""Compute hidden states and losses of every checkpoint on every corpus split.

dvc repro embed
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.embedding.embedding_run import embed
    from lm_geometry.model_source import read_model_source
    from lm_geometry.params.embed import Embed
    from lm_geometry.params.seed import read_seed

    embed(read_model_source(), Embed.read(), read_seed())


if __name__ == "__main__":
    main()
