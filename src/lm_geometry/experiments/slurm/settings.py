"""slurm.yaml as a study reads it."""

from pathlib import Path

from lm_geometry.experiments.executors.slurm.settings import SlurmSettings
from lm_geometry.params.explain import read_checked
from lm_geometry.workspace.section import ROOT

FILE = ROOT / "slurm.yaml"


def read_settings(path: Path = FILE) -> SlurmSettings:
    """The settings in a file; raises ValueError with a line for each thing that is wrong."""
    if not path.exists():
        raise ValueError(
            f"{path} is missing: it says what jobs ask of the cluster; docs/studies-on-clusters.md "
            "has one to copy"
        )
    return read_checked(path, SlurmSettings, path.name)
