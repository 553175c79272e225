"""Figure of a study: how the local estimates of single tokens spread, in each of its settings."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from lm_geometry.figures import local_estimates
from lm_geometry.figures.corpus_labels import corpus_labels
from lm_geometry.studies.definition import Study
from lm_geometry.studies.figure import Figure
from lm_geometry.studies.figures.drawn import UNKNOWN, Drawn, Known, setting, words
from lm_geometry.studies.numbers import runs
from lm_geometry.studies.numbers.collection import Collected
from lm_geometry.workspace import paths

IN_A_ROW = 4  # panels, so that two or three settings fit on a page


def violins(
    figure: Figure,
    study: Study,
    collected: Sequence[Collected],
    measured: str,
    known: Known = UNKNOWN,
) -> Drawn:
    """Tokens of base and fine-tuned, for the first of the runs that differ in repeats alone."""
    table = _records(study, collected) if known.runs is None else known.runs
    labels = corpus_labels(dict.fromkeys(table["corpus"].dropna()))
    # A corpus that is trained on in one setting and a control in another has one colour in both.
    changing = len(table[["corpus", "role"]].drop_duplicates()) > len(set(table["corpus"]))
    data = table.assign(corpus=table["corpus"].map(labels.get))
    data = data.assign(role=None) if changing else data
    chart = local_estimates.chart(data, IN_A_ROW)
    says = words(figure.says, *chart.to_dict()["title"]["subtitle"])
    titled = chart.properties(title=alt.Title(figure.title, subtitle=says))
    return Drawn(titled, runs=table)


def _records(study: Study, collected: Sequence[Collected]) -> pd.DataFrame:
    """The records of the figure `local_estimates` of each; `rev` says what a setting is."""
    first: dict[str, Collected] = {}
    for one in collected:
        first.setdefault(repr(runs.without_repeats(one.experiment, study)), one)
    records = [
        {"role": None, **record, "rev": _setting(one, study) if len(first) > 1 else None}
        for one in first.values()
        for record in one.revision.read_json(paths.figure_data("local_estimates"))
    ]
    return pd.DataFrame(records)


def _setting(one: Collected, study: Study) -> str:
    """The case, and what the grid varies."""
    varied = [name for name in study.grid if name not in study.repeats]
    named = [setting(name, runs.value_of(one, name)) for name in varied]
    case = setting("case", one.experiment.case) if one.experiment.case else ""
    return " · ".join(filter(None, [case, *named]))
