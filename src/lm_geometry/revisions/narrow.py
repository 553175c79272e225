"""A table that fits a terminal: what is the same in all rows said once, the least told left out."""

import textwrap

import pandas as pd

from lm_geometry.revisions.excerpt import rounded

WIDTH = 100
LAST_TOLD = (  # left out first
    *("undefined", "standardised_by_tokens", "standardised_by_documents", "degrees", "error"),
    *("resampled", "values", "median", "standard_deviation", "rows", "missing", "clouds"),
    *("points", "recall", "documents", "adjusted_p_value", "standard_error", "scale", "prompts"),
)


def narrowed(table: pd.DataFrame, width: int = WIDTH) -> str:
    """The rows in lines of at most `width` characters, and what is not in them above and below."""
    cells = rounded(table).astype(str)
    same = [name for name in cells if len(cells) > 1 and cells[name].nunique() == 1]
    parts = []
    if same:
        told = ", ".join(f"{name} {cells[name].iloc[0]}" for name in same if _is_there(cells[name]))
        parts += [textwrap.fill(f"in all rows: {told}", width)] if told else []
        cells = cells.drop(columns=same)
    hidden: list[str] = []
    while _width(cells) > width and len(cells.columns) > 1:
        name = next((one for one in LAST_TOLD if one in cells), str(cells.columns[-1]))
        hidden.append(name)
        cells = cells.drop(columns=name)
    parts.append(cells.to_string(index=False))
    if hidden:
        parts.append(textwrap.fill(f"not shown (--wide): {', '.join(hidden)}", width))
    return "\n".join(parts)


def _is_there(column: pd.Series) -> bool:
    return column.iloc[0] not in ("nan", "")


def _width(cells: pd.DataFrame) -> int:
    """Characters of a line."""
    widths = [max(len(str(name)), int(cells[name].str.len().max())) for name in cells]
    return sum(widths) + len(widths) - 1
