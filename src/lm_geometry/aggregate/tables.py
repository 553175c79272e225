"""The full tables of a pipeline run, from which figures and headline metrics are taken."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from lm_geometry.aggregate import heuristic, prompts
from lm_geometry.aggregate.cloud_estimates import CloudEstimates
from lm_geometry.aggregate.clusters import cluster_rows
from lm_geometry.aggregate.correlations import LossCorrelations
from lm_geometry.aggregate.differences import Change, Key, change_rows, changes, difference_rows
from lm_geometry.aggregate.groups import GroupedEstimates
from lm_geometry.aggregate.means import CELL, ESTIMATE, local_estimates, loss_rows, mean_rows
from lm_geometry.aggregate.params import Aggregate
from lm_geometry.aggregate.remainders import Remainders
from lm_geometry.aggregate.scores import MEAN, SCORED, score_rows
from lm_geometry.aggregate.shown import Shown
from lm_geometry.aggregate.where import WHERE, saying_where
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.outs.estimate.clouds import (
    GLOBAL,
    read_estimated,
    read_global,
    read_surrogates,
)
from lm_geometry.outs.finetune.training_run import read_scores
from lm_geometry.workspace import paths
from lm_geometry.workspace.points import RESIDUAL
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row, write_table
from lm_geometry.workspace.tree import WORKSPACE, Tree

SUMMARY = ["mean", "standard_error", "lower", "upper", "degrees", "error", "values", "documents"]
TESTED = ["p_value", "adjusted_p_value"]
STANDARDISED = ["standardised_by_documents", "standardised_by_tokens"]
CORRELATION = ["level", "method", "correlation", "lower", "upper", "error", "pairs", "resampled"]
SURROGATE = [
    *("of", *ESTIMATE, "control", "surrogate", "real", "real_lower", "real_upper"),
    *("surrogate_mean", "surrogate_deviation", "draws", "null_p_value", "adjusted_null_p_value"),
]
CLUSTER = ["k", "cluster", "mean", "smallest", "largest", "tokens", "token", "count"]
COLUMNS = {
    "means": [*ESTIMATE, *SUMMARY, "median", "standard_deviation", "undefined", "clouds", "points"],
    "changes": [*ESTIMATE, *SUMMARY, *TESTED, *STANDARDISED],
    "differences": [*ESTIMATE, "control", *SUMMARY, *TESTED],
    "losses": ["corpus", "split", "checkpoint", *SUMMARY],
    "global": GLOBAL,
    "correlations": [*CELL, *CORRELATION],
    "groups": [*CELL, "grouping", "group", *SUMMARY],
    "clusters": [*CELL, *CLUSTER],
    "scores": [*ESTIMATE, *SCORED, *MEAN],
    "heuristic": [*heuristic.KEYS, *heuristic.RESULT],
    "remainders": [*SURROGATE, *SUMMARY, *TESTED],
}
OPTIONAL = ("remainders",)  # of null models, which few runs have

ALL = COLUMNS | prompts.COLUMNS


@dataclass(frozen=True)
class Tables:
    """The tables of `COLUMNS`, in that order; `whole` holds the global estimates."""

    means: pd.DataFrame
    changes: pd.DataFrame
    differences: pd.DataFrame
    losses: pd.DataFrame
    whole: pd.DataFrame
    correlations: pd.DataFrame
    groups: pd.DataFrame
    clusters: pd.DataFrame
    scores: pd.DataFrame
    heuristic: pd.DataFrame
    remainders: pd.DataFrame
    private_groups: pd.DataFrame = field(
        default_factory=pd.DataFrame
    )  # by token of text that may not be passed on; never written

    def write(self, where: str = RESIDUAL) -> None:
        """Write every table as Parquet; one without rows is written with its columns.

        Those of `OPTIONAL` are not written without rows.

        `where` in the blocks states were read is said in the tables of any place but the stream.
        """
        for name, table in zip(COLUMNS, vars(self).values(), strict=False):
            if len(table) or name not in OPTIONAL:
                write_table(paths.table(name), saying_where(table, where))


def make_tables(fine_tuned: str, settings: Aggregate, shown: Shown, model: str = "") -> Tables:
    """Every table of the last estimate run; intervals have `settings.confidence`.

    `model` is the source of the model, by which tokens of private text are known.
    """
    confidence, weight = settings.confidence, settings.weight
    estimated, whole = read_estimated(), read_global()
    means, clusters = [], []
    by_corpus: dict[str, dict[Key, Change]] = defaultdict(dict)
    correlations = LossCorrelations(settings.bootstrap, confidence)
    groups = GroupedEstimates(settings.groups, confidence, model)
    remainders = Remainders(read_surrogates(), weight)
    pieces = len({(cloud.split, cloud.layer) for cloud in estimated.clouds()})
    for split, table in progress(local_estimates(), "tables", pieces):
        means += mean_rows(table, confidence, weight)
        by_corpus[split.corpus] |= changes(table, weight)
        remainders.add(table)
        correlations.add(split, table)
        groups.add(split, table)
        if table["layer"].iloc[0] == shown.layer:
            clusters += cluster_rows(table, read_tokens(split), shown, settings)
    of_clouds = CloudEstimates(whole, estimated)
    for corpus, found in of_clouds.changes().items():
        by_corpus[corpus] |= found
    mean_table = _table("means", [*means, *of_clouds.means(confidence)])
    return Tables(
        mean_table,
        _table("changes", change_rows(by_corpus, confidence)),
        _table("differences", difference_rows(by_corpus, fine_tuned, confidence)),
        _table("losses", loss_rows(estimated.embedded, confidence)),
        whole.loc[:, GLOBAL],
        _table("correlations", correlations.rows()),
        groups.table().reindex(columns=COLUMNS["groups"]),
        _table("clusters", clusters),
        _table("scores", score_rows(mean_table)),
        _table("heuristic", _heuristic_rows(mean_table, settings)),
        _table("remainders", remainders.rows(by_corpus, fine_tuned, confidence)),
        groups.private().reindex(columns=COLUMNS["groups"]),
    )


def read_aggregated(name: str, tree: Tree = WORKSPACE) -> pd.DataFrame:
    """One table of the last aggregate run; the names are those of `ALL`.

    One of `OPTIONAL` has no rows where the run did not write it.
    """
    absent = name in OPTIONAL and not tree.exists(paths.table(name))
    table = tree.read_table(paths.table("means" if absent else name))
    if absent:
        return _table(name, [])
    return table.loc[:, [*ALL[name], *({WHERE} & {*table.columns})]]


def _heuristic_rows(means: pd.DataFrame, settings: Aggregate) -> list[Row]:
    pairs = heuristic.heuristic_pairs(means, heuristic.held_out(read_scores()))
    resampling = settings.bootstrap
    return heuristic.heuristic_rows(
        {"": pairs}, settings.confidence, resampling.draws, resampling.seed
    )


def _table(name: str, rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS[name])
