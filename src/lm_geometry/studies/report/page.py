"""A study's results as a page beside its figures, and as one HTML page that needs no other file.

Question, settings, figures, numbers, provenance: on which machine, with which versions and in how
much time its experiments ran, which is recorded when they end. The texts are in templates beside
this file.
"""

import base64
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from pandas.api.types import is_numeric_dtype

from lm_geometry.experiments.experiment import written
from lm_geometry.experiments.outcomes import Facts, Outcome, facts
from lm_geometry.studies.definition import RESULTS, Study, drawn_study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.studies.prompt_figure import PromptFigure
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.hashes import library_versions

FILE = "runs.json"
MOST_ROWS, MOST_ROWS_OF_ALL = 60, 2000  # of a figure's numbers; of a CSV in the HTML page
TESTED = ("p_value", "adjusted_p_value", "effect")
MEASURED = ("hausdorff", "mean", "lower", "upper", *TESTED, "sd", "runs", "over", "draws")
DIGITS = {"p_value": 2, "adjusted_p_value": 2, "effect": 3}  # of others 4
Shown = list[tuple[Figure | PromptFigure, str, pd.DataFrame]]


@dataclass(frozen=True)
class Part:
    """What the page has of one figure: `columns` of its numbers, the `layers` that they are of."""

    figure: Figure | PromptFigure
    stem: str
    table: str = ""
    columns: Sequence[str] = ()
    layers: Sequence[int] = ()


class Run(Facts):
    """How an experiment ran."""

    seconds: float


def page(name: str, study: Study, collected: list[Collected], shown: Shown) -> str:
    """Markdown text of studies/results/NAME/README.md."""
    varied = [
        {key: value for key, value in one.experiment.overrides.items() if key not in study.fixed}
        for one in collected
    ]
    experiments = {
        "experiment": [one.experiment.name for one in collected],
        "overrides": [", ".join(f"`{k}={written(v)}`" for k, v in own.items()) for own in varied],
        "commit": [one.commit[:10] for one in collected],
    }
    models = (one.model for one in collected)
    return _template("page.md").render(
        name=name,
        study=study,
        parts=[_part(figure, stem, rows) for figure, stem, rows in shown],
        experiments=_table(pd.DataFrame(experiments)),
        started=dict.fromkeys(f"`{one.started_from[:10]}`" for one in collected),
        models=dict.fromkeys(f"{m.label} ({m.weights}): `{m.source}`" for m in models),
        versions=", ".join(f"{key} {number}" for key, number in library_versions().items()),
    )


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
    says so where the file was edited since. HTML in any text is shown as it was written, and
    nothing is loaded.
    """
    from markdown_it import MarkdownIt

    drawn = drawn_study(name, place.parent) or study
    top, rest = (place / "README.md").read_text(encoding="utf-8").split("\n## ", 1)
    rest = re.sub(r"\nAll of them also have:\n\n(- .*\n)+", "", rest)  # among the settings
    runs = recorded(name, place.parent)
    versions = [", ".join(f"{k} {v}" for k, v in run["versions"].items()) for run in runs.values()]
    text = _template("web_page.md").render(
        name=name,
        study=drawn,
        edited=drawn.text != study.text,
        top=top,
        rest=rest,
        runs=runs,
        versions=dict.fromkeys(versions),
    )
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)

    # By the names of the figures that are here: a label may be a picture's Markdown, too.
    figures = {file.name: file for file in place.glob("*.svg")}

    def pictured(found: re.Match[str]) -> str:
        if (file := figures.get(found["src"])) is None:
            return f"{found['alt']} ({found['src']})"
        return f'{_picture(file.read_bytes())} alt="{found["alt"]}">'

    body = re.sub(r'<img src="(?P<src>[^"]*)" alt="(?P<alt>[^"]*)"[^>]*>', pictured, body)
    body = body.replace(f'href="../../{name}.yaml"', 'href="#definition"')
    body = re.sub(r'href="(\w+\.csv)"', r'href="#\1"', body)
    csv = sorted(place.glob("*.csv"))
    tables = {path.name: pd.read_csv(path, keep_default_na=False) for path in csv}
    file = f"studies/{name}.yaml: what is published, what to expect"
    return html(name, Markup(body), tables, file, drawn.text)


def html(
    name: str, body: Markup, tables: Mapping[str, pd.DataFrame], file: str, content: str
) -> str:
    """A page that needs no other file: its body, tables to be opened, and a file at its end."""
    told = [_told(named, table) for named, table in tables.items()]
    return _template("web_page.html").render(
        name=name, body=body, tables=told, file=file, content=content
    )


def picture(svg: bytes, words: str) -> Markup:
    """An SVG in a page, with its words for those who do not see it."""
    return Markup('{} alt="{}">').format(Markup(_picture(svg)), words)


def record(name: str, outcomes: Iterable[Outcome], folder: Path = RESULTS) -> None:
    """Add to studies/results/NAME/runs.json how the experiments ran that did not fail.

    Those that were not run again, because they were there, keep what was recorded when they were.
    """
    known, here = recorded(name, folder), None
    for one in outcomes:
        if not one.failed and one.seconds is not None:
            where = one.where or (here := here or facts())
            known[one.name] = {"seconds": round(one.seconds, 1), **where}
            write_json(folder / name / FILE, known)


def keep_only(name: str, experiments: Collection[str], folder: Path = RESULTS) -> None:
    """Forget how experiments ran of which the study's figures are not made."""
    known = recorded(name, folder)
    if not known.keys() <= set(experiments):
        kept = {one: run for one, run in known.items() if one in experiments}
        write_json(folder / name / FILE, kept)


def recorded(name: str, folder: Path = RESULTS) -> dict[str, Run]:
    """What was recorded, by the name of the experiment; empty where nothing was."""
    path = folder / name / FILE
    return read_json(path) if path.exists() else {}


@cache
def _template(name: str) -> Template:
    """The template in `NAME.jinja`; what is put into HTML is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=name.endswith(".html"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["written"] = written
    return environment.get_template(f"{name}.jinja")


TABLED = (
    "later_scores",
    "leads",
    "milestones",
    "score_correlations",
    "nulls",
)  # whose page has it whole


def _part(figure: Figure | PromptFigure, stem: str, rows: pd.DataFrame) -> Part:
    """A figure's own numbers; of many layers those of the shown one."""
    if isinstance(figure, PromptFigure) or figure.kind in TABLED:
        return Part(figure, stem, "" if rows.empty else _table(rows), list(rows.columns))
    if figure.kind in ("violins", "curves", "course"):
        return Part(figure, stem)
    if figure.kind == "boxes":
        keys = [*figure.columns, "corpus", "control", "split", "layer", "checkpoint", "shown"]
        means = rows.groupby(keys, sort=False)["mean"]
        rows = means.agg(mean="mean", sd="std", draws="count").reset_index()
    chosen = rows.loc[rows["shown"]]
    layers = [] if all(rows["shown"]) else sorted(set(chosen["layer"]))
    names = [*figure.columns, "corpus", "control", "split", "n_neighbors", "layer", "checkpoint"]
    varied = [n for n in names if n in chosen and len(chosen.groupby(n, dropna=False)) > 1]
    columns = list(dict.fromkeys([*varied, *(n for n in MEASURED if n in chosen)]))
    table = _table(chosen[columns]) if len(chosen) <= MOST_ROWS else ""
    return Part(figure, stem, table, columns, layers)


def _table(table: pd.DataFrame) -> str:
    digits = [f".{DIGITS.get(name, 4)}g" for name in table.columns]
    words = [at for at, kind in enumerate(table.dtypes) if not is_numeric_dtype(kind)]
    # As objects, since whole numbers beside others would be written as those are.
    whole = table.astype(object)
    return whole.to_markdown(index=False, floatfmt=digits, disable_numparse=words)


def _picture(svg: bytes) -> str:
    return f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"'


def _told(name: str, table: pd.DataFrame) -> dict[str, str]:
    rows = table.head(MOST_ROWS_OF_ALL).to_html(index=False, border=0)
    first = f", of which the first {MOST_ROWS_OF_ALL:,}" if len(table) > MOST_ROWS_OF_ALL else ""
    told = f"{name}: {len(table):,} rows{first}"
    return {"name": name, "told": told, "rows": Markup(rows)}
