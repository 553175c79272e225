"""How the tokens of text that must not be passed on are spelled: on the machine that read it alone.

The token tables that DVC follows leave the spelling out. It lies beside the texts in the machine's
own folder, by the hash of the text, of the token table and of the model whose tokens they are.
"""

from pathlib import Path

import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import make_private, private_folder
from lm_geometry.workspace.hashes import path_hash, value_hash
from lm_geometry.workspace.tables import read_table, write_table

COLUMN = "token"


def write_private_tokens(split: CorpusSplit, model: str, tokens: list[str]) -> None:
    """Keep the spelling `[rows]` of a split's tokens here, once its token table is written."""
    private_folder(machine.private_texts())
    place = _place(split, model)
    write_table(place, pd.DataFrame({COLUMN: tokens}))
    make_private(place)


def read_private_tokens(split: CorpusSplit, model: str) -> pd.Series | None:
    """The spelling of each row of a split's token table; None where another machine read it."""
    place = _place(split, model)
    return pd.Series(read_table(place, [COLUMN])[COLUMN]) if place.exists() else None


def _place(split: CorpusSplit, model: str) -> Path:
    rows = path_hash(paths.tokens(split.corpus, split.split))
    return machine.private_texts() / f"{value_hash([split.private, rows, model])}-tokens.parquet"
