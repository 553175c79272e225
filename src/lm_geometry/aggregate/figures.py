"""The figures of corpora: the rows of each, and what is said of them."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lm_geometry.aggregate.described import Lines
from lm_geometry.aggregate.figure_rows import FigureTables, Rows
from lm_geometry.aggregate.null_rows import null_rows
from lm_geometry.aggregate.violin_rows import violin_rows
from lm_geometry.figures.corpus_labels import labelled
from lm_geometry.figures.records import Record, figure_records


@dataclass(frozen=True)
class Figure:
    """One figure of corpora: its rows, those of their values that must be there, and its words.

    `line` is the field of `Lines` under it; `nothing` says why there are no rows.
    """

    name: str
    rows: Callable[[FigureTables], Rows]
    values: tuple[str, ...]
    line: str
    nothing: str = "no estimates"


FIGURES = (
    Figure(
        *("loss", FigureTables.loss, (), "model"),
        nothing="the model was not fine-tuned (finetune.task is none)",
    ),
    Figure("dimension_by_checkpoint", FigureTables.by_checkpoint, ("mean",), "shown_intervals"),
    Figure("local_estimates", violin_rows, ("mean",), "local"),
    Figure("dimension_by_layer", FigureTables.by_layer, ("mean",), "intervals"),
    Figure(
        *("layer_heat_map", FigureTables.heat_map, ("mean", "change"), "intervals"),
        nothing="there is no checkpoint besides base",
    ),
    Figure(
        *("gride_by_scale", FigureTables.gride, ("dimension",), "gride"),
        nothing="estimate.gride_range is 0",
    ),
    Figure(
        *("difference_of_differences", FigureTables.differences),
        *(("difference",), "shown_intervals"),
        nothing="this needs a checkpoint, the fine-tuned corpus and a control corpus",
    ),
    Figure(
        *("null_models", null_rows, ("value",), "shown_intervals"),
        nothing="no null models were drawn at the shown layer (estimate.surrogates)",
    ),
    Figure(
        *("correlation", FigureTables.correlations, ("correlation",), "correlation"),
        nothing="no token has both an estimate and a loss",
    ),
    Figure(
        *("groups", FigureTables.groups, ("mean",), "shown_intervals"),
        nothing="no group of tokens is large enough, or none has a name",
    ),
)


def corpus_figures(tables: FigureTables, lines: Lines) -> Iterator[tuple[str, list[Record]]]:
    """(name, records) of each figure; one without rows carries the reason."""
    for figure in FIGURES:
        yield figure.name, _records(figure, tables, lines)


def corpus_figure(name: str, tables: FigureTables, lines: Lines) -> list[Record]:
    """The records of the figure of that name."""
    return next(_records(figure, tables, lines) for figure in FIGURES if figure.name == name)


def _records(figure: Figure, tables: FigureTables, lines: Lines) -> list[Record]:
    rows = labelled(_defined(figure.rows(tables), figure.values))
    return figure_records(figure.name, rows, getattr(lines, figure.line), figure.nothing)


def _defined(rows: Rows, values: Sequence[str]) -> Rows:
    """Rows whose `values` are defined; a bound that is not becomes null, for JSON has no NaN."""
    finite: Rows = [
        {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in r.items()}
        for r in rows
    ]
    return [row for row in finite if all(row[name] is not None for name in values)]
