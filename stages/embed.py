"""Compute hidden states and losses on every corpus split, and the geometry of every prompt.

dvc repro embed
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry.embed.params import Embed
    from lm_geometry.embed.prompts.run import embed_prompts
    from lm_geometry.embed.run import embed
    from lm_geometry.outs.data_prep.model import read_model_source
    from lm_geometry.workspace import machine
    from lm_geometry.workspace.seeds import read_seed

    source, settings = read_model_source(), Embed.read()
    if not machine.machine().shard:
        embed(source, settings, read_seed())
    embed_prompts(source, settings)


if __name__ == "__main__":
    main()
