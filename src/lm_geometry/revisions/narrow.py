"""A table that fits a terminal: what is the same in all rows said once, the least told left out."""

import textwrap

import pandas as pd

from lm_geometry.revisions.excerpt import rounded

WIDTH = 100
NOTHING = ("nan", "None", "")
LAST_TOLD = (  # left out first
    *("undefined", "standardised_by_tokens", "standardised_by_documents", "degrees", "error"),
    *("resampled", "values", "median", "standard_deviation", "rows", "missing", "clouds"),
    *("points", "recall", "documents", "adjusted_p_value", "standard_error", "prompts"),
    *("p_value", "scale"),  # rows of GRIDE differ in their scale alone
)


def narrowed(table: pd.DataFrame, width: int = WIDTH) -> str:
    """The rows in lines of at most `width` characters, and what is not in them above and below."""
    cells = rounded(table).map(str)
    same = [name for name in cells if len(cells) > 1 and len(set(cells[name].tolist())) == 1]
    parts = []
    if same and len(same) < len(cells.columns):
        values = {str(name): cells[name].tolist()[0] for name in same}
        told = ", ".join(f"{name} {one}" for name, one in values.items() if one not in NOTHING)
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


def _width(cells: pd.DataFrame) -> int:
    """Characters of a line."""
    widths = [max(map(len, [str(name), *cells[name].tolist()])) for name in cells]
    return sum(widths) + len(widths) - 1
