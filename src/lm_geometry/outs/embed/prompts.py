"""The records that embed keeps of prompts below data/prompt_neighbours, and their index."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.point_cloud.shapes import Shaped
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import whole_file, write_json
from lm_geometry.workspace.tables import Row
from lm_geometry.workspace.tree import WORKSPACE, Tree

INDEX = paths.PROMPT_NEIGHBOURS / "index.json"
KEYS = ["model", "checkpoint", "corpus", "split", "prompt", "shuffle"]


@dataclass(frozen=True)
class PromptCloud:
    """The names of one (shuffled) prompt under one checkpoint."""

    checkpoint: str
    prompt: int
    shuffle: int

    @property
    def file(self) -> str:
        """The record's path below data/prompt_neighbours."""
        return f"{self.checkpoint}/prompt-{self.prompt:06d}-shuffle-{self.shuffle}.npz"


@dataclass(frozen=True)
class PromptRecords:
    """The records of a pipeline run; `nothing` says why there are none, where there are none.

    Positions nearer than `window` are no neighbours; runs before it was a parameter had none.
    """

    model: str
    corpus: str
    split: str
    unit: str
    tokens: int
    drop_first: bool
    checkpoints: list[str]
    prompts: list[int]
    shuffles: list[int]
    layers: list[int]
    nothing: str = ""
    window: int = 0

    def clouds(self) -> Iterator[PromptCloud]:
        """The names of every record, in a fixed order."""
        for checkpoint in self.checkpoints:
            for prompt in self.prompts:
                for shuffle in self.shuffles:
                    yield PromptCloud(checkpoint, prompt, shuffle)

    def keys(self, cloud: PromptCloud) -> Row:
        """The key columns of a record's rows in every table."""
        return {
            "model": self.model,
            "checkpoint": cloud.checkpoint,
            "corpus": self.corpus,
            "split": self.split,
            "prompt": cloud.prompt,
            "shuffle": cloud.shuffle,
        }


def write_index(records: PromptRecords, path: Path | None = None) -> None:
    """Record what is there; later stages enumerate this, never the files that they find."""
    write_json(path or INDEX, asdict(records))


def read_index(path: Path | None = None, tree: Tree = WORKSPACE) -> PromptRecords:
    """What the last embed run kept of prompts."""
    return PromptRecords(**tree.read_json(path or INDEX))


def read_arrays(
    cloud: PromptCloud, *names: str, tree: Tree = WORKSPACE
) -> dict[str, Shaped[np.ndarray, "..."]]:
    """The named arrays of a record, without names every one.

    Raises FileNotFoundError where there is no record, and ValueError where it is damaged.
    """
    path = paths.PROMPT_NEIGHBOURS / cloud.file
    try:
        with tree.open(path) as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, BadZipFile) as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and `dvc checkout`") from None


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


def read_record(cloud: PromptCloud, tree: Tree = WORKSPACE) -> PromptRecord:
    """A record that embed wrote; raises FileNotFoundError or ValueError where it is not whole."""
    found = read_arrays(cloud, tree=tree)
    loss, tokens, types = (found.pop(name).item() for name in ("loss", "tokens", "types"))
    missing = tuple(str(reason) for reason in found.pop("missing"))
    return PromptRecord(PromptGeometry(**found, missing=missing), loss, tokens, types)
