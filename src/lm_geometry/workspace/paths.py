"""The only place that knows where a file is."""

import re
from pathlib import Path

from lm_geometry.workspace.section import ROOT

DATA = ROOT / "data"
METRICS = ROOT / "metrics"
PLOTS = ROOT / "plots"

MODEL = DATA / "model.json"
TRAINING = DATA / "training"
CORPORA = DATA / "corpora"
PROMPTS = DATA / "prompts"
CHECKPOINTS = DATA / "checkpoints"
HIDDEN_STATES = DATA / "hidden_states"
PROMPT_NEIGHBOURS = DATA / "prompt_neighbours"
LOSSES = DATA / "losses"
TRAINING_RUN = DATA / "training_run"
LOSS_CURVE = TRAINING_RUN / "loss_curve.json"
SCORES = TRAINING_RUN / "scores.json"
TOKENS = DATA / "tokens"
CLOUDS = DATA / "clouds"
ESTIMATES = DATA / "estimates"
TABLES = DATA / "tables"


def name_of(reference: str) -> str:
    """The name of a model or corpus in paths and tables: `hub:org/Name@v1` gives `org-name-v1`.

    An alias stays as it is; of a `file:` only the last part of its path counts.
    """
    scheme, _, rest = reference.rpartition(":")
    text = Path(rest).stem if scheme == "file" else rest
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def within(path: Path) -> str:
    """The name of a workspace's file in every revision, such as `data/model.json`."""
    return path.relative_to(ROOT).as_posix()


def layer_file(layer: int) -> str:
    """File name of one layer's array; layer -1 is the combination of several."""
    return "layer-combined.npy" if layer < 0 else f"layer-{layer:02d}.npy"


def cell(folder: Path, checkpoint: str, corpus: str, split: str) -> Path:
    """Folder of one (checkpoint, corpus split) below a stage's out."""
    return folder / checkpoint / f"{corpus}-{split}"


def tokens(corpus: str, split: str) -> Path:
    """Token table of one corpus split, whose rows are those of its hidden states."""
    return TOKENS / f"{corpus}-{split}.parquet"


def losses(checkpoint: str, corpus: str, split: str) -> Path:
    """Per-token losses `[tokens]` of one (checkpoint, corpus split)."""
    return LOSSES / checkpoint / f"{corpus}-{split}.npy"


def table(name: str) -> Path:
    """One of the tables that aggregate writes, such as `means`."""
    return TABLES / f"{name}.parquet"


def figure_data(name: str) -> Path:
    """The records behind one figure, such as `local_estimates`."""
    return PLOTS / f"{name}.json"
