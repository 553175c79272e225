"""Writes the numbers of pages from committed results, so that none of them is typed.

    python docs/write_sentences.py            fills the blocks of README.md, docs/, studies/results/
    python docs/write_sentences.py --check    exits with 1 if one is not as it would write it

A block stands between `<!-- from docs/sentences/NAME.md -->` and `<!-- end -->`; that file is its
template (Jinja2), with the functions of `committed_results.CommittedResults` and the formats below.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import stdev
from typing import SupportsFloat

from committed_results import ROOT, CommittedResults, Found
from jinja2 import Environment, FileSystemLoader, StrictUndefined

BLOCK = re.compile(
    r"(?<=<!-- from docs/sentences/)([\w-]+\.md)( -->\n)(.*?)(?=<!-- end -->)", flags=re.DOTALL
)


def number(value: float, digits: int = 2) -> str:
    """A number with so many decimals, thousands apart, and a minus sign where it is below 0."""
    text = f"{float(value):,.{digits}f}"
    return (text if float(text.replace(",", "")) else text.lstrip("-")).replace("-", "−")


def signed(value: float, digits: int = 2) -> str:
    """`number` with a plus sign where it is above 0."""
    text = number(value, digits)
    return text if text.startswith("−") or not float(text.replace(",", "")) else f"+{text}"


def interval(row: Found, digits: int = 2) -> str:
    """[lower, upper] of a row, such as [−1.24, −0.57]."""
    return f"[{number(_float(row, 'lower'), digits)}, {number(_float(row, 'upper'), digits)}]"


def bounded(row: Found, digits: int = 2) -> str:
    """Mean and interval of a row, or its correlation's: −0.91 [−1.24, −0.57]."""
    value = next(name for name in ("mean", "value", "correlation") if name in row)
    return f"{number(_float(row, value), digits)} {interval(row, digits)}"


def listed(values: Iterable[object], none: str = "none") -> str:
    """Values as words: `15, 20 and 22`; `none` where there are none."""
    words = [str(value) for value in values]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or none


def spans(values: Sequence[int]) -> str:
    """Whole numbers, those that follow each other as a span: `1–13, 15`; `none` of no number."""
    ends: list[list[int]] = []
    for value in values:
        if ends and value == ends[-1][-1] + 1:
            ends[-1][1:] = [value]
        else:
            ends.append([value])
    return ", ".join("–".join(map(str, end)) for end in ends) or "none"


def deviation(rows: Sequence[Found]) -> float:
    """Standard deviation of the means of rows, such as draws of a cloud."""
    return stdev(_float(row, "mean") for row in rows)


def clear(rows: Sequence[Found], sign: int = 0) -> list[Found]:
    """The rows whose interval holds no 0; with a `sign` those below it (-1) or above it (1)."""
    lower = [row for row in rows if _float(row, "lower") > 0 and sign >= 0]
    return lower + [row for row in rows if _float(row, "upper") < 0 and sign <= 0]


def below(rows: Sequence[Found]) -> list[Found]:
    """The rows of `by_layer` in which every run is below 0."""
    runs = [row["means"] for row in rows]
    return [
        row
        for row, means in zip(rows, runs, strict=True)
        if isinstance(means, list) and max(means) < 0
    ]


def firm(rows: Sequence[Found]) -> list[Found]:
    """The rows that stand once all layers are counted (Benjamini-Hochberg)."""
    return [row for row in rows if _float(row, "adjusted_p_value") <= 0.05]


def largest(rows: Sequence[Found], name: str = "value") -> Found:
    """The row in which that column is largest in size; those without a number are passed over."""
    return max(
        (row for row in rows if _float(row, name) == _float(row, name)),
        key=lambda row: abs(_float(row, name)),
    )


def _float(row: Found, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, SupportsFloat) else float("nan")


def environment(results: CommittedResults, templates: Path) -> Environment:
    """What a template may use."""
    found = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.do"],
    )
    formats = (number, signed, interval, bounded, listed, spans, deviation)
    formats += (clear, below, firm, largest)
    found.filters |= {function.__name__: function for function in formats}
    names = [name for name in vars(CommittedResults) if not name.startswith("_") and name != "root"]
    found.globals |= {name: getattr(results, name) for name in names}
    return found


def pages(root: Path = ROOT) -> Iterator[Path]:
    """The pages that may have blocks."""
    yield root / "README.md"
    yield from sorted((root / "docs").glob("*.md"))
    yield root / "studies" / "results" / "README.md"


def blocks(page: str) -> list[str]:
    """The names of the templates that a page is filled from."""
    return [found[1] for found in BLOCK.finditer(page)]


def filled(page: str, templates: Environment) -> str:
    """The page with every block as its template has it now."""

    def write(block: re.Match[str]) -> str:
        return block[1] + block[2] + templates.get_template(block[1]).render()

    return BLOCK.sub(write, page)


def main() -> None:
    templates = environment(CommittedResults(), ROOT / "docs" / "sentences")
    for page in pages():
        text = page.read_text(encoding="utf-8")
        written = filled(text, templates)
        if "--check" not in sys.argv[1:]:
            page.write_text(written, encoding="utf-8")
        elif written != text:
            sys.exit(
                f"{page.relative_to(ROOT)} does not say what results say: "
                "python docs/write_sentences.py"
            )


if __name__ == "__main__":
    main()
