"""The rows of both tables, tried by the tests that they name."""

import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from lm_geometry.workspace.section import ROOT
from tests.campaign.faults.table import Row
from tests.campaign.trials import Outcome, Trial


def trials(kind: str, rows: Sequence[Row], numbers: Iterable[int], folder: Path) -> Iterator[Trial]:
    """One for each number of a row, all in one process of pytest."""
    chosen = {number: rows[number] for number in numbers}
    named = dict.fromkeys(test for row in chosen.values() for test in row.tests)
    ran = _ran([f"tests/{test}" for test in named], folder)
    for number, row in chosen.items():
        outcome, told = _of(row, ran)
        yield Trial(kind, number, outcome, f"{row.done}: {told}")


Ran = dict[str, list[tuple[str, str]]]  # of each test: passed, failed or skipped, and why


def _ran(tests: list[str], folder: Path) -> Ran:
    if not tests:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "report.xml"
    words = [sys.executable, "-m", "pytest", "-q", "-m", "", "-p", "no:cacheprovider"]
    asked = subprocess.run(
        [*words, f"--junit-xml={report}", "-o", "junit_family=xunit1", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if not report.exists():
        raise RuntimeError(asked.stdout + asked.stderr)
    found: Ran = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('file')}::{str(case.get('name')).partition('[')[0]}"
        outcome, why = "passed", ""
        for child in case:
            if child.tag in ("failure", "error", "skipped"):
                outcome = "skipped" if child.tag == "skipped" else "failed"
                why = f"{name}: {child.get('message')}"[:300]
        found.setdefault(name, []).append((outcome, why))
    return found


def _of(row: Row, ran: Ran) -> tuple[Outcome, str]:
    names = [f"tests/{test}" for test in row.tests]
    cases = [
        (one, name)
        for name in names
        for test, found in ran.items()
        if test == name or test.startswith(f"{name}::")
        for one in found
    ]
    if missing := [n for n in names if n not in {name for _, name in cases}]:
        return "lost", f"no such test: {missing}"
    if failed := [why for (outcome, why), _ in cases if outcome == "failed"]:
        return "wrong", failed[0]
    if skipped := [why for (outcome, why), _ in cases if outcome == "skipped"]:
        return "not run", skipped[0]  # a part that was not tried did not survive
    return "survived", row.seen
