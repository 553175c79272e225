"""The results of a study as one HTML page that needs no other file and no network."""

import base64
import re
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from lm_geometry.studies.definition import RESULTS, Study, drawn_study
from lm_geometry.studies.report.runs import recorded
from lm_geometry.studies.report.templates import template

MOST_ROWS = 2000


def write_web_page(name: str, study: Study, path: Path, results: Path = RESULTS) -> Path:
    """`path`, where the page of a study whose results lie in `results` was written.

    Raises FileNotFoundError where the study was not run.
    """
    place = results / name
    if not (place / "README.md").exists():
        raise FileNotFoundError(
            f"{place} has no results: `lm-geometry study {name}` makes them, or, where its "
            "experiments exist, draws them again"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(web_page(name, study, place), encoding="utf-8")
    return path


def web_page(name: str, study: Study, place: Path) -> str:
    """Text of the page: question, settings, figures, numbers, experiments, provenance.

    `study` is as its file says now; the page has the settings that the figures were drawn by, and
    says so where the file was edited since.
    """
    from markdown_it import MarkdownIt

    drawn = drawn_study(name, place.parent) or study
    top, rest = (place / "README.md").read_text(encoding="utf-8").split("\n## ", 1)
    rest = re.sub(r"\nAll of them also have:\n\n(- .*\n)+", "", rest)  # among the settings
    runs = recorded(name, place.parent)
    versions = [", ".join(f"{k} {v}" for k, v in run["versions"].items()) for run in runs.values()]
    text = template("web_page.md").render(
        name=name,
        study=drawn,
        edited=drawn.text != study.text,
        top=top,
        rest=rest,
        runs=runs,
        hardware=dict.fromkeys(run["hardware"] for run in runs.values()),
        versions=dict.fromkeys(versions),
    )
    body = MarkdownIt("commonmark").enable("table").render(text)
    body = re.sub(r'<img src="([^"]+)\.svg"', lambda found: _picture(place, found.group(1)), body)
    body = body.replace(f'href="../../{name}.yaml"', 'href="#definition"')
    body = re.sub(r'href="(\w+\.csv)"', r'href="#\1"', body)
    tables = [_table(path) for path in sorted(place.glob("*.csv"))]
    return template("web_page.html").render(
        name=name, body=Markup(body), tables=tables, definition=drawn.text
    )


def _picture(place: Path, stem: str) -> str:
    data = base64.b64encode((place / f"{stem}.svg").read_bytes()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}"'


def _table(path: Path) -> dict[str, str]:
    table = pd.read_csv(path, keep_default_na=False)
    told = f"{path.name}: {len(table):,} rows"
    if len(table) > MOST_ROWS:
        told += f", of which the first {MOST_ROWS:,}"
    rows = table.head(MOST_ROWS).to_html(index=False, border=0)
    return {"name": path.name, "told": told, "rows": Markup(rows)}
