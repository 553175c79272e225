"""catalogue/models.yaml: one entry per model alias."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from lm_geometry.params.section import ROOT, Section, read_yaml

ALIAS = re.compile(r"[a-z0-9-]+")


class ModelEntry(Section):
    """Where a model comes from, and the facts that are checked before anything is loaded."""

    source: str = Field(
        description="hub:ID[@revision], file:PATH, package:NAME==VERSION/PATH or kept:NAME"
    )
    kind: Literal["encoder", "decoder"] = Field(description="masked or causal language model")
    layers: int = Field(gt=0, description="number of blocks; hidden states are 0 … layers")
    width: int = Field(gt=0, description="coordinates of a hidden state")
    label: str = Field(description="name shown in figures")
    licence: str = Field(description="licence of the weights")
    note: str = Field("", description="what a user should know")


def read_models(root: Path = ROOT) -> dict[str, ModelEntry]:
    """Every entry of catalogue/models.yaml by alias; raises pydantic's ValidationError."""
    entries = read_yaml(root / "catalogue" / "models.yaml")
    return {alias: ModelEntry.model_validate(entry) for alias, entry in entries.items()}
