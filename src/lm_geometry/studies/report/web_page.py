"""The results of a study as one HTML page that needs no other file and no network."""

import base64
import html
import re
from pathlib import Path
from typing import Any

import pandas as pd

from lm_geometry.experiments.experiment import written
from lm_geometry.studies.definition import RESULTS, Study, drawn_study
from lm_geometry.studies.report.runs import recorded

MOST_ROWS = 2000
_EDITED = (
    "`studies/{name}.yaml` was edited since these figures were drawn: settings and definition here "
    "are those that they were drawn by."
)
_HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font-family: "Liberation Sans", Arial, Helvetica, sans-serif; color: #1f2933;
  line-height: 1.5; margin: 2rem auto; max-width: 1080px; padding: 0 1.5rem; }}
h1 {{ font-size: 1.7rem; }}
h1 + p {{ font-size: 1.2rem; }}
h2 {{ font-size: 1.25rem; margin-top: 2.2rem; border-top: 1px solid #dde3e9; padding-top: 1.2rem; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto;
  margin: 0.8rem 0; }}
th, td {{ border-bottom: 1px solid #e8ecf0; padding: 0.25rem 0.7rem; text-align: left;
  font-variant-numeric: tabular-nums; }}
th {{ border-bottom: 2px solid #9aa5b1; }}
code, pre {{ font-size: 0.85rem; background: #f4f6f8; border-radius: 4px; }}
code {{ padding: 0.1rem 0.25rem; }}
pre {{ padding: 0.8rem; overflow-x: auto; }}
details {{ margin: 0.6rem 0; }}
summary {{ cursor: pointer; color: #0072b2; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


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
    edited = [_EDITED.format(name=name)] if drawn.text != study.text else []
    top, rest = (place / "README.md").read_text(encoding="utf-8").split("\n## ", 1)
    rest = re.sub(r"\nAll of them also have:\n\n(- .*\n)+", "", rest)  # among the settings
    text = "\n\n".join([top, *edited, _settings(drawn), f"## {rest}", _runs(name, place)])
    body = MarkdownIt("commonmark").enable("table").render(text)
    body = re.sub(r'<img src="([^"]+)\.svg"', lambda found: _picture(place, found.group(1)), body)
    body = body.replace(f'href="../../{name}.yaml"', 'href="#definition"')
    body = re.sub(r'href="(\w+\.csv)"', r'href="#\1"', body)
    whole = [body, "<h2>All numbers</h2>", *map(_table, sorted(place.glob("*.csv")))]
    return _HTML.format(title=html.escape(name), body="\n".join([*whole, _definition(name, drawn)]))


def _settings(study: Study) -> str:
    """Markdown: what all experiments share, what differs, and what counts as a repeat."""
    parts = ["## Settings", "What is not named here is as in `params.yaml` of each commit below."]
    if study.fixed:
        parts.append("In all experiments:\n\n" + _pairs(study, study.fixed))
    if study.cases:
        cases = [f"- **{case}**: {_inline(study, own)}" for case, own in study.cases.items()]
        parts.append("Cases:\n\n" + "\n".join(cases))
    if study.grid:
        values = {key: ", ".join(_code(study, v) for v in own) for key, own in study.grid.items()}
        rows = "\n".join(f"- `{key}`: {listed}" for key, listed in values.items())
        parts.append(f"Grid, every combination:\n\n{rows}")
    if study.repeats:
        parts.append(f"Repeats of one thing: {', '.join(f'`{key}`' for key in study.repeats)}.")
    return "\n\n".join(parts)


def _pairs(study: Study, own: dict[str, Any]) -> str:
    return "\n".join(f"- `{key}`: {_code(study, value)}" for key, value in own.items())


def _inline(study: Study, own: dict[str, Any]) -> str:
    return ", ".join(f"`{key}` {_code(study, value)}" for key, value in own.items()) or "as it is"


def _code(study: Study, value: Any) -> str:
    return f"`{written(study.replaced(value))}`"


def _runs(name: str, place: Path) -> str:
    """Markdown: how long each experiment took, on what and with which versions."""
    found = recorded(name, place.parent)
    if not found:
        return "Durations and hardware were not recorded."
    hardware = dict.fromkeys(run["hardware"] for run in found.values())
    versions = dict.fromkeys(
        ", ".join(f"{library} {number}" for library, number in run["versions"].items())
        for run in found.values()
    )
    rows = [f"| {one} | {run['seconds']:,.0f} | {run['date']} |" for one, run in found.items()]
    parts = [*(f"- run on {line}" for line in hardware), *(f"- with {line}" for line in versions)]
    table = "| experiment | seconds | finished |\n|---|---|---|\n" + "\n".join(rows)
    note = "What other experiments had computed came from DVC's cache, and took no time."
    return "\n".join(parts) + f"\n\n{table}\n\n{note}"


def _picture(place: Path, stem: str) -> str:
    data = base64.b64encode((place / f"{stem}.svg").read_bytes()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}"'


def _table(path: Path) -> str:
    table = pd.read_csv(path, keep_default_na=False)
    told = f"{path.name}: {len(table):,} rows"
    if len(table) > MOST_ROWS:
        told += f", of which the first {MOST_ROWS:,}"
    rows = table.head(MOST_ROWS).to_html(index=False, border=0)
    return f'<details id="{path.name}"><summary>{told}</summary>\n{rows}\n</details>'


def _definition(name: str, study: Study) -> str:
    text = html.escape(study.text)
    summary = f"studies/{name}.yaml: what is published, what to expect"
    return f'<details id="definition"><summary>{summary}</summary>\n<pre>{text}</pre>\n</details>'
