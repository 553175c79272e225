"""What DVC makes of params.yaml with the overrides of an experiment."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from lm_geometry.experiments.experiment import Experiment, written
from lm_geometry.workspace.section import ROOT


def params_of(experiment: Experiment, root: Path = ROOT) -> dict[str, Any]:
    """params.yaml as DVC will write it for an experiment."""
    return json.loads(overridden(*asked(experiment, root)))


def asked(experiment: Experiment, root: Path) -> tuple[str, tuple[str, ...]]:
    """params.yaml of the project, and the overrides as `dvc exp run -S` takes them."""
    lines = tuple(f"{key}={written(value)}" for key, value in experiment.overrides.items())
    return _as_json((root / "params.yaml").read_text(encoding="utf-8")), lines


@cache
def _as_json(text: str) -> str:
    return json.dumps(YAML(typ="safe").load(text) or {}, default=str)


@cache
def overridden(base: str, lines: tuple[str, ...]) -> str:
    """The parameters as JSON, which is YAML as well: DVC keeps the comments of YAML, slowly."""
    if not lines:
        return base
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "params.json"
        path.write_text(base, encoding="utf-8")
        apply_overrides(path, list(lines))
        return path.read_text(encoding="utf-8")
