"""The gallery of the studies: what each asks, its main figure, and the way to its report.

`docs/site_pages.py` puts it into the site. Whatever has a report in `studies/results` is in it; the
main figure is the first of the report.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("studies/gallery.md")
RESULTS = Path("studies/results")
REPORT = "README.md"
PICTURE = re.compile(r"^!\[([^\]]*)\]\(([^)\s]+)\)$", re.MULTILINE)
_TOP = """# The studies in pictures

Of every study that was run the first figure of its report, which a click opens, and what it asks.
[What they found](results/README.md) is told in words.
"""


@dataclass(frozen=True)
class Report:
    """What the gallery has of a study's report, which lies in `folder` below `studies/results`.

    `figure` has the words and the file of its first picture.
    """

    folder: Path
    question: str
    figure: tuple[str, str]


def gallery(root: Path) -> str:
    """The page, in the order of the studies' names."""
    return "\n".join([_TOP, *(_entry(report) for report in reports(root / RESULTS))])


def reports(results: Path) -> Iterator[Report]:
    """The reports below `results` that have a figure."""
    for path in sorted(results.rglob(f"*/{REPORT}")):
        page = path.read_text(encoding="utf-8")
        if found := PICTURE.search(page):
            question = page.split("\n\n")[1].replace("\n", " ")
            yield Report(path.parent.relative_to(results), question, (found[1], found[2]))


def _entry(report: Report) -> str:
    place = f"results/{report.folder.as_posix()}"
    words, picture = report.figure
    return (
        f"## {report.folder.as_posix()}\n\n{report.question}\n\n"
        f"[![{words}]({place}/{picture})]({place}/{REPORT})\n\n[Report]({place}/{REPORT})\n"
    )
