"""What the embed stage wrote, for the stages that read it."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.point_cloud.shapes import Float, Float32
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import read_array
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

COMBINED = -1  # layer number of the one array that several layers were combined into
INDEX = paths.HIDDEN_STATES / "index.json"


@dataclass(frozen=True)
class Embedded:
    """The checkpoints, corpus splits and layers whose hidden states are on disk.

    `depth` is the number of the last layer that there is; `order` is that of data-prep. `points`
    tells where in the blocks states were read, by `workspace.points.named`.
    """

    checkpoints: list[str]
    splits: list[CorpusSplit]
    layers: list[int]
    depth: int
    order: str = "default"
    points: str = "residual"


def write_index(embedded: Embedded) -> None:
    """Record what is there; later stages enumerate this, never the folders that they find."""
    write_json(INDEX, asdict(embedded))


def read_embedded(tree: Tree = WORKSPACE) -> Embedded:
    """What the last embed run wrote."""
    index = tree.read_json(INDEX)
    return Embedded(**index | {"splits": [CorpusSplit(**entry) for entry in index["splits"]]})


def read_states(
    checkpoint: str, split: CorpusSplit, layer: int, tree: Tree = WORKSPACE
) -> Float32[np.ndarray, "tokens width"]:
    """Hidden states `[tokens, width]` of one layer, memory-mapped where they lie on disk."""
    folder = paths.cell(paths.HIDDEN_STATES, checkpoint, split.corpus, split.split)
    return read_array(folder, paths.layer_file(layer), tree)


def read_tokens(split: CorpusSplit, tree: Tree = WORKSPACE) -> pd.DataFrame:
    """The token table whose rows are those of the split's hidden states.

    Columns: `sequence`, `position`, `document`, `special`; `token_id` and `token` where the text
    may be passed on; `label`, `tag` and booleans where the corpus has them; `part_of_speech` and
    the columns of the corpus that `embed` was asked for.
    """
    return tree.read_table(paths.tokens(split.corpus, split.split))


def read_losses(
    checkpoint: str, corpus: str, split: str, tree: Tree = WORKSPACE
) -> Float[np.ndarray, "tokens"]:
    """Loss of each token `[tokens]` in nat, minus the log of its probability; NaN if there is none.

    Its probability is that of the next token in causal models, and in masked ones (mode
    `masked_token`) that of the masked token. There is none for a sequence's first token, nor for
    the last of a masked one, nor in regular mode for masked models.
    """
    return tree.read_array(paths.losses(checkpoint, corpus, split))
