"""Compute hidden states and losses on every corpus split, and the geometry of every prompt.

dvc repro embed
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.workspace.stage import running

if TYPE_CHECKING:
    from lm_geometry.workspace.work import Execute


def executing() -> "Execute":
    """Who computes the cells: loaded on demand, and no dependency, as no result hangs on it."""
    from lm_geometry.experiments.executors.chosen import execute

    return execute


if __name__ == "__main__":
    with running("embed"):  # before what takes seconds to import
        from lm_geometry.embed.run import run

        run(executing())
