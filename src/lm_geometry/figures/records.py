"""What the data file of each figure holds: a list of records, as DVC and Vega want it."""

from collections.abc import Mapping, Sequence
from typing import Any

from lm_geometry.workspace.inside_scripts import inside_script

Record = dict[str, Any]

MOST_RECORDS = 10_000

_READING = ("reading", "beside")
_CELL = ("checkpoint", "step", "corpus", "role", "split", "layer", *_READING)
_PROMPTS = ("checkpoint", "step", "corpus", "shuffle", "layer")
_SPREAD = ("mean", "lower", "upper", "prompts")
FIELDS: dict[str, tuple[str, ...]] = {
    "loss": ("step", "curve", "corpus", "role", "split", "loss"),
    "training": ("step", "measure", "place", "curve", "corpus", "split", "value"),
    "dimension_by_checkpoint": (*_CELL, "mean", "lower", "upper"),
    "local_estimates": (
        *("corpus", "role", "split", "layer", "side", "checkpoint", "value", "density"),
        *("mean", "median", "standard_deviation", "points", "standardised", *_READING),
    ),
    "dimension_by_layer": (*_CELL, "mean", "lower", "upper"),
    "layer_heat_map": (*_CELL, "mean", "change", "lower", "upper", "firm"),
    "gride_by_scale": (*_CELL, "scale", "dimension", "lower", "upper"),
    "difference_of_differences": (
        *("checkpoint", "step", "shown", "layer", "corpus", "control", "split"),
        *("difference", "lower", "upper", "firm", *_READING),
    ),
    "null_models": (
        *("corpus", "control", "role", "split", "layer", "checkpoint", "step"),
        *("of", "keeps", "order", "what", "value", "lower", "upper"),
    ),
    "correlation": (*_CELL, "level", "method", "correlation", "lower", "upper"),
    "prompt_dimension": (*_PROMPTS, "scale", *_SPREAD),
    "prompt_scales": (*_PROMPTS, "scale", *_SPREAD),
    "prompt_similarity": (*_PROMPTS, "quantity", "place", *_SPREAD),
    "prompt_correlation": (
        *("checkpoint", "corpus", "shuffle", "layer", "quantity", "place", "method", "given"),
        *("correlation", "lower", "upper", "prompts"),
    ),
    "groups": (*_CELL, "grouping", "group", "place", "mean", "lower", "upper", "tokens"),
}
OPTIONAL = {"role", "shown", "layer", "firm", "standardised", *_READING}
"""Fields that a record may leave out: they are then null, and the figure does without them."""


def figure_records(
    figure: str, rows: Sequence[Mapping[str, object]], settings: str, nothing: str = "no records"
) -> list[Record]:
    """Records of one figure's data file, each with every field of the figure and its settings.

    `role` is "fine-tuned" or "control" and decides a corpus's colour; `shown` marks the records
    of the checkpoint that `aggregate.checkpoint` chose; `reading` names which neighbours count
    where there are two such readings, and `beside` marks the second. Without rows the list has one
    record, whose `message` says why (`nothing`): DVC cannot read an empty list, nor records with
    different keys. Nothing in them ends a script of the page in which DVC shows them.

    Raises:
        ValueError: an unknown figure or field, a missing field, or too many rows.
    """
    fields, settings = _fields(figure), inside_script(settings)
    if not rows:
        return [{**dict.fromkeys(fields), "settings": settings, "message": inside_script(nothing)}]
    if len(rows) > MOST_RECORDS:
        raise ValueError(f"plots/{figure}.json: {len(rows):,} records; at most {MOST_RECORDS:,}")
    return [{**_complete(figure, row, fields), "settings": settings} for row in rows]


def read_records(figure: str, records: object) -> list[Record]:
    """`records` of a figure's data file, checked; an empty list becomes a lone message."""
    if not isinstance(records, list):
        raise ValueError(f"plots/{figure}.json: a list of records is needed, not {type(records)}")
    if not records:
        return figure_records(figure, [], "")
    if len(records) > MOST_RECORDS:
        raise ValueError(f"plots/{figure}.json: {len(records):,} records; at most {MOST_RECORDS:,}")
    if "message" in records[0]:
        return records
    needed = set(_fields(figure)) - OPTIONAL | {"settings"}
    for record in records:
        _refuse_missing(figure, needed, record)
    return records


def _fields(figure: str) -> tuple[str, ...]:
    if figure not in FIELDS:
        raise ValueError(f"figure {figure!r} is unknown: one of {', '.join(FIELDS)}")
    return FIELDS[figure]


def _complete(figure: str, row: Mapping[str, object], fields: tuple[str, ...]) -> Record:
    _refuse_missing(figure, set(fields) - OPTIONAL, row)
    unknown = set(row) - set(fields)
    if unknown:
        raise ValueError(f"plots/{figure}.json: unknown fields {sorted(unknown)}")
    return {field: inside_script(row.get(field)) for field in fields}


def _refuse_missing(figure: str, needed: set[str], record: Mapping[str, object]) -> None:
    missing = needed - set(record)
    if missing:
        raise ValueError(f"plots/{figure}.json: a record lacks the fields {sorted(missing)}")
