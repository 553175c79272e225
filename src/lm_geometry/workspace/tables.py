"""Tables as Parquet, with the columns that everybody may count on."""

from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lm_geometry.workspace.files import missing, whole_file

Scalar = str | float | bool | None  # what a cell of a table, or of a record in JSON, may be
Row = dict[str, Scalar]  # by column


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write `table` without its index; the same table gives the same bytes."""
    with whole_file(path) as temporary:
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        pq.write_table(arrow.replace_schema_metadata(None), temporary, compression="zstd")


def read_table(
    path: Path, columns: list[str] | None = None, content: BinaryIO | None = None
) -> pd.DataFrame:
    """The table at `path`, whose bytes are `content` where they are not in this workspace.

    Raises ValueError naming the columns that it should have but has not.
    """
    source = content or path
    try:
        schema = pq.read_schema(source)
    except FileNotFoundError:
        raise FileNotFoundError(missing(path)) from None
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is damaged ({error}): delete it and `dvc checkout`") from None
    lacking = set(columns or []) - set(schema.names)
    if lacking:
        raise ValueError(f"{path} has no column {sorted(lacking)}; it has {schema.names}")
    return pq.read_table(source, columns=columns).to_pandas()
