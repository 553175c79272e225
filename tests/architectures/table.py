"""docs/architectures.md: python -m tests.architectures.table writes its table, --check compares."""

import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import torch
import transformers

from tests.architectures.matrix import answers, cases, read_or_not
from tests.structure import ROOT

TABLE = ROOT / "docs" / "architectures.md"
START, END = "<!-- table -->", "<!-- end of the table -->"
HEAD = ("architecture", "read", "sees", "sequences", "layer 0", "last layer", "losses, or why not")


@cache
def rows() -> dict[str, list[str]]:
    """The rows of the table as they are written, by the architecture's name."""
    if not TABLE.exists():
        return {}
    lines = _between(TABLE.read_text(encoding="utf-8")).strip().splitlines()[4:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): row for row in cells}


def line(cells: list[str]) -> str:
    """One row in Markdown."""
    return f"| {' | '.join(cells)} |"


def _between(text: str) -> str:
    return text.split(START)[1].split(END)[0]


def made() -> str:
    """The table, from a model of each architecture."""
    found = []
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            given = read_or_not(case, Path(folder) / "model")
            found.append(list(answers(case, given)))
        print(line(found[-1]), flush=True)
    read = sum(row[1] == "yes" for row in found)
    told = f"transformers {transformers.__version__}: {read} of {len(found)} are read."
    head = [line(list(HEAD)), line(["---"] * len(HEAD))]
    return "\n".join(["", told, "", *head, *map(line, found), ""])


def main() -> None:
    """Write the table, or with --check exit with 1 where it is another."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    text = TABLE.read_text(encoding="utf-8")
    table = made()
    if "--check" in sys.argv:
        raise SystemExit(int(_between(text) != table))
    before, after = text.split(START)[0], text.split(END)[1]
    TABLE.write_text(f"{before}{START}{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
