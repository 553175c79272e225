"""The work of stages in the scratch folder."""

from pathlib import Path


def unpublished(folder: Path) -> list[Path]:
    """The runs of a stage, below its folder in scratch, that are not all in its outs."""
    return [run for run in folder.iterdir() if not (run / "published.json").exists()]
