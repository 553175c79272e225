"""One record: a prompt's geometry at every layer, and the facts beside it."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from lm_geometry.prompt_geometry import PromptGeometry
from lm_geometry.prompt_records import PromptCloud, read_arrays
from lm_geometry.store.files import whole_file


@dataclass(frozen=True)
class PromptRecord:
    """One prompt's geometry, and the facts beside it."""

    geometry: PromptGeometry
    loss: float  # mean next-token loss in nat; NaN for encoders
    tokens: int
    types: int  # different token numbers


def write_record(path: Path, record: PromptRecord) -> None:
    """Write a record as .npz, whole or not at all; radii as float32, which moves GRIDE by 1e-7."""
    geometry = {name.name: getattr(record.geometry, name.name) for name in fields(PromptGeometry)}
    arrays = geometry | {
        "radii": record.geometry.radii.astype(np.float32),
        "missing": np.array(record.geometry.missing, dtype=np.str_),
        "loss": np.float64(record.loss),
        "tokens": np.int64(record.tokens),
        "types": np.int64(record.types),
    }
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_record(cloud: PromptCloud) -> PromptRecord:
    """A record that embed wrote; raises FileNotFoundError or ValueError where it is not whole."""
    found = read_arrays(cloud)
    loss, tokens, types = (found.pop(name).item() for name in ("loss", "tokens", "types"))
    missing = tuple(str(reason) for reason in found.pop("missing"))
    return PromptRecord(PromptGeometry(**found, missing=missing), loss, tokens, types)
