"""The tables of any revision, for notebooks and reports."""

from pathlib import Path

import pandas as pd

from lm_geometry.aggregate.tables import ALL
from lm_geometry.revisions.revision import WORKSPACE, Revision
from lm_geometry.workspace import paths
from lm_geometry.workspace.section import ROOT


def results(rev: str | None = None, root: Path | str = ROOT) -> dict[str, pd.DataFrame]:
    """Every table of a run by its name: `means`, `changes`, `differences`, `prompt_means`, …

    `rev` is a commit, branch, tag, or the name of an experiment; None is what lies in the project
    now. Tables come from the folder, DVC's cache or its remote; nothing is checked out. One row is
    one number with its keys and interval (`lm-geometry table --help` names the columns); a table
    that a revision was too old to write is left out.

    Raises:
        ValueError: no such revision or experiment.
        FileNotFoundError: its tables are neither in the cache nor in the remote.
    """
    revision = Revision(rev or WORKSPACE, Path(root))
    there = {path.stem: path for path in revision.files(paths.TABLES)}
    return {name: revision.read_table(there[name]) for name in ALL if name in there}
