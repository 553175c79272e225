"""Rows of the figure of null models: what was measured and what they read, at the shown layer."""

from lm_geometry.aggregate.figure_rows import FigureTables, Rows
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.tables import Row

MEASURED = "the states themselves"
KEEPS = {
    "gaussian": "covariance",
    "gaussian_with_norms": "covariance, norms",
    "permuted_components": "marginals of components",
    "token_means": "token means",
    "exchanged_residuals": "token and document means",
}
OF = {"mean": "level", "change": "change", "difference": "difference"}


def null_rows(run: FigureTables) -> Rows:
    """Of the shown reading, layer and checkpoint, and of base: each number, and each null model."""
    table = run.cell(run.tables.remainders)
    chosen = table.loc[
        (table["exclude"] == run.shown.exclude)
        & (table["layer"] == run.shown.layer)
        & table["checkpoint"].isin([BASE, run.shown.checkpoint])
    ]
    rows: Rows = []
    for row in chosen.to_dict("records"):
        common: Row = {
            "corpus": row["corpus"],
            "control": row["control"],
            "role": run.role(row["corpus"]),
            "split": row["split"],
            "layer": row["layer"],
            "checkpoint": row["checkpoint"],
            "step": 0 if row["checkpoint"] == BASE else int(row["checkpoint"]),
            "of": OF[row["of"]],
        }
        deviation = row["surrogate_deviation"]
        real = common | {"keeps": MEASURED, "order": 0, "what": "measured", "value": row["real"]}
        real |= {"lower": row["real_lower"], "upper": row["real_upper"]}
        null = common | {"keeps": KEEPS[row["surrogate"]], "what": "null model"}
        null |= {"order": 1 + [*KEEPS].index(row["surrogate"]), "value": row["surrogate_mean"]}
        null |= {"lower": null["value"] - deviation, "upper": null["value"] + deviation}
        rows += [null] if real in rows else [real, null]
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[bool, bool, str, int, int]:
    """The fine-tuned corpus and then others, the difference last; the measured first."""
    of = [*OF.values()].index(str(row["of"]))
    last = row["of"] == "difference", row["role"] == "control"
    return *last, str(row["corpus"]), of, int(str(row["order"]))
