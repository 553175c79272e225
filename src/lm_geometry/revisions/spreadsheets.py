"""Tables as CSV that a spreadsheet opens without running anything of what is in them."""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# What a spreadsheet takes for a formula; a number with its sign is none.
_NUMBER = r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|inf$|$"
_FORMULA = re.compile(rf"[=@\t\r\n＝＋－＠]|[+-](?!{_NUMBER})", re.IGNORECASE)  # of full width, too


def inert(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table, each text that a spreadsheet would compute behind an apostrophe, which says text.

    Names of columns as well; numbers stay what they are.
    """
    return table.map(inert_cell).rename(columns=inert_cell)


def inert_cell(value: Any) -> Any:
    """A cell; see `inert`."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
