"""The root seed, on its own so that a stage can depend on it alone."""

from pathlib import Path

from lm_geometry.params.section import ROOT, read_yaml


def read_seed(root: Path = ROOT) -> int:
    """`seed` of params.yaml, the root of every random stream without a seed of its own."""
    return int(read_yaml(root / "params.yaml").get("seed", 0))
