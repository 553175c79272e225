"""Compute hidden states and losses on every corpus split, and the geometry of every prompt.

dvc repro embed
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry import params


def main() -> None:
    params.check()  # before anything that takes long to import

    from lm_geometry import machine
    from lm_geometry.embedding.embedding_run import embed
    from lm_geometry.embedding.prompt_run import embed_prompts
    from lm_geometry.model_source import read_model_source
    from lm_geometry.params.embed import Embed
    from lm_geometry.params.seed import read_seed

    source, settings = read_model_source(), Embed.read()
    if not machine.machine().shard:
        embed(source, settings, read_seed())
    embed_prompts(source, settings)


if __name__ == "__main__":
    main()
