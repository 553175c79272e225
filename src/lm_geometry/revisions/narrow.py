"""A table that fits a terminal: what is the same in all rows said once, the least told left out."""

import textwrap

import pandas as pd

from lm_geometry.revisions.excerpt import rounded

WIDTH = 100
NOTHING = ("nan", "None", "")
LAST_TOLD = (  # left out first, then from the right: what tells rows apart stands left
    *("undefined", "standardised_by_tokens", "standardised_by_documents", "degrees", "error"),
    *("resampled", "values", "median", "standard_deviation", "rows", "missing", "clouds"),
    *("points", "recall", "documents", "adjusted_p_value", "standard_error", "prompts"),
    *("real_lower", "real_upper", "null_p_value", "surrogate_deviation", "p_value"),
)
SIZES = ["n_neighbors", "scale"]


def narrowed(table: pd.DataFrame, width: int = WIDTH, rows: str = "all rows") -> str:
    """The rows in lines of at most `width` characters, and what is not in them above and below.

    Numbers have four digits, or three where a column would not fit otherwise. Where that is not
    enough, rows of each value of the widest words stand under one another, and a single row has a
    line for each of its columns.
    """
    for digits in (4, 3):
        cells, constant = _without_constants(rounded(table, digits).map(str))
        cells = _of_one_neighbourhood(cells)
        kept = cells
        for name in LAST_TOLD:
            if _width(kept) > width and len(kept.columns) > 1:
                kept = kept.drop(columns=name, errors="ignore")
        if _width(kept) <= width:
            break
    if _width(kept) > width and len(table) == 1:
        return rounded(table).T.to_string(header=False)
    words = [name for name in kept if name in table and table[name].dtype.kind in "OSU"]
    if _width(kept) > width and words:
        apart = max(words, key=lambda name: max(map(len, kept[name].tolist())))
        blocks = [own for _, own in table.groupby(apart, sort=False, dropna=False)]
        return "\n\n".join(narrowed(own, width, "these rows") for own in blocks)
    while _width(kept) > width and len(kept.columns) > 1:
        kept = kept.drop(columns=kept.columns[-1])
    told = ", ".join(f"{name} {one}" for name, one in constant.items() if one not in NOTHING)
    hidden = ", ".join(name for name in cells if name not in kept)
    parts = [textwrap.fill(f"in {rows}: {told}", width)] if told else []
    parts.append(kept.to_string(index=False))
    if hidden:
        parts.append(textwrap.fill(f"not shown (--wide): {hidden}", width))
    return "\n".join(parts)


def _without_constants(cells: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The columns that differ between rows, and the others with their one value."""
    same = [name for name in cells if len(cells) > 1 and len(set(cells[name].tolist())) == 1]
    if len(same) == len(cells.columns):
        return cells, {}
    return cells.drop(columns=same), {str(name): cells[name].tolist()[0] for name in same}


def _of_one_neighbourhood(cells: pd.DataFrame) -> pd.DataFrame:
    """`n_neighbors` of local estimates and `scale` of GRIDE in one column, if no row has both."""
    if not set(SIZES) <= set(cells.columns):
        return cells
    pairs = list(zip(*(cells[name].tolist() for name in SIZES), strict=True))
    if any(size not in NOTHING and scale not in NOTHING for size, scale in pairs):
        return cells
    either = [scale if size in NOTHING else size for size, scale in pairs]
    place = list(cells.columns).index(SIZES[0])
    rest = cells.drop(columns=SIZES)
    rest.insert(place, "L/scale", either)
    return rest


def _width(cells: pd.DataFrame) -> int:
    """Characters of a line."""
    widths = [max(map(len, [str(name), *cells[name].tolist()])) for name in cells]
    return sum(widths) + len(widths) - 1
