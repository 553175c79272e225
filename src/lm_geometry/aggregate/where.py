"""The column that tells where in the blocks the states of a table were read."""

import pandas as pd

from lm_geometry.workspace.points import RESIDUAL

WHERE = "states"


def saying_where(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """The table with `where` (`workspace.points.named`) in a column; as it is for the stream."""
    return table if where == RESIDUAL else table.assign(**{WHERE: where})
