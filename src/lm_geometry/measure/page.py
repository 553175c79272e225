"""A measurement as one HTML page that opens without a network."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from lm_geometry.figures.export import render
from lm_geometry.workspace.files import whole_file

if TYPE_CHECKING:
    import altair as alt

STYLE = """
body { font-family: "Liberation Sans", Arial, Helvetica, sans-serif; color: #1f2933;
  margin: 2rem auto; max-width: 1100px; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
svg { max-width: 100%; height: auto; } dt { font-weight: bold; margin-top: .4rem; }
dd { margin-left: 0; color: #52606d; }
table { border-collapse: collapse; font-size: .85rem; display: block; overflow-x: auto; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e8ecf0; }
"""


class Shown(Protocol):
    """What a page is of."""

    @property
    def about(self) -> Mapping[str, str]:
        """How it was measured, line by line."""
        ...

    def figure(self) -> "alt.VConcatChart":
        """Its figure."""
        ...


def write_page(path: Path, title: str, shown: Shown, table: pd.DataFrame) -> Path:
    """`path`, where the page was written: figure, how it was measured, and the whole table.

    The same measurement gives the same bytes; nothing in it is fetched from elsewhere.
    """
    with whole_file(path) as temporary:
        temporary.write_text(page(title, shown, table), encoding="utf-8")
    return path


def page(title: str, shown: Shown, table: pd.DataFrame) -> str:
    """Text of the page."""
    svg = render(shown.figure())["svg"].decode()
    about = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in shown.about.items())
    rows = table.to_html(index=False, border=0, na_rep="–", float_format=lambda v: f"{v:.4g}")
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{svg}\n"
        f"<h2>How it was measured</h2>\n<dl>{about}</dl>\n"
        "<p>Compare dimensions only at the same N, L and rules: every estimator reads too low, the "
        "more so the higher the dimension.</p>\n"
        f"<h2>Numbers</h2>\n{rows}\n</body>\n</html>\n"
    )
