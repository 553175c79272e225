"""What the estimate stage wrote, for the stages that read it."""

import re
from dataclasses import asdict, dataclass, field

import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.token_sample.clouds import Cloud, clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.tree import WORKSPACE, Tree

KEYS = ["checkpoint", "corpus", "split", "layer", "sampling_seed"]
LOCAL = [*KEYS, "exclude", "row", "estimator", "n_neighbors", "value"]
GLOBAL = [
    *(*KEYS, "exclude", "estimator", "n_neighbors", "scale", "value"),
    *("standard_error", "points", "recall"),
]
SURROGATES = [
    *(*KEYS, "surrogate", "draw", "exclude", "estimator", "n_neighbors"),
    *("tokens", "documents"),  # means over them
    *("tokens_again", "documents_again"),  # of a surrogate of the surrogate, where one is drawn
]
INDEX = paths.ESTIMATES / "index.json"
_WITHOUT = re.compile(r"without_\d+")


def without(groups: int) -> list[str]:
    """Columns of the estimates that a cloud has without each of its jackknife groups."""
    return [f"without_{group}" for group in range(groups)]


def without_columns(table: pd.DataFrame) -> list[str]:
    """Those of `without` that a table has, by their number; none where nothing was left out."""
    return without(sum(_WITHOUT.fullmatch(str(name)) is not None for name in table.columns))


def folder_name(cloud: Cloud) -> str:
    """Folder of a cloud's two tables, below data/estimates."""
    layer = paths.layer_file(cloud.layer).removesuffix(".npy")
    split = f"{cloud.split.corpus}-{cloud.split.split}"
    return f"{cloud.checkpoint}/{split}/seed-{cloud.sampling_seed}/{layer}"


@dataclass(frozen=True)
class Estimated:
    """Which clouds have estimates, and by which rules: what the stages after it need to know.

    `n_neighbors` are the sizes asked for, below 1 as shares of a cloud; `cdf` is TwoNN's.
    `exclude` are the readings: which neighbours of a token do not count, "none" for as published.
    `groups` counts the jackknife groups into which the documents of each of `embedded.splits` were
    dealt, in that order; 0 where nothing was left out. `surrogates` names
    the null models of every cloud. `among` counts the tokens of each split, copies and all, among
    which neighbours of a cloud of queries were searched; it is empty where that is the cloud.
    """

    embedded: Embedded
    sampling_seeds: list[int]
    estimators: list[str]
    n_neighbors: list[int | float]
    cdf: str
    exclude: list[str]
    groups: list[int]
    surrogates: list[str] = field(default_factory=list)
    among: list[int] = field(default_factory=list)

    def clouds(self) -> list[Cloud]:
        """Every cloud, in the order of the estimate stage."""
        return list(clouds(self.embedded, self.sampling_seeds))

    def groups_of(self, split: CorpusSplit) -> int:
        """Jackknife groups of a corpus split; 0: there are none."""
        return self.groups[self.embedded.splits.index(split)]


def write_index(estimated: Estimated) -> None:
    """Record what there is; readers enumerate this, never the folders that they find."""
    index = asdict(estimated)
    for name in ("surrogates", "among"):
        if not index[name]:
            del index[name]  # so that runs without any leave what they left before
    write_json(INDEX, index)


def read_estimated(tree: Tree = WORKSPACE) -> Estimated:
    """What the last estimate run wrote; raises ValueError where an earlier version wrote it."""
    index = tree.read_json(INDEX)
    if lacking := {"exclude", "groups"} - set(index):
        raise ValueError(
            f"{INDEX} is of an earlier version of lm-geometry, which did not write "
            f"{' and '.join(sorted(lacking))}: run the estimate stage again"
        )
    embedded = index.pop("embedded")
    splits = [CorpusSplit(**entry) for entry in embedded.pop("splits")]
    return Estimated(embedded=Embedded(**embedded, splits=splits), **index)


def estimated_clouds(tree: Tree = WORKSPACE) -> list[Cloud]:
    """The clouds of the last estimate run, in its order."""
    return read_estimated(tree).clouds()


def read_local(cloud: Cloud, tree: Tree = WORKSPACE, *, jackknife: bool = False) -> pd.DataFrame:
    """Local estimates of one cloud: a row per reading, token, estimator and neighbourhood size.

    With `jackknife` the table has `without_columns`, too: float32 estimates without each group.
    """
    path = paths.ESTIMATES / folder_name(cloud) / "local.parquet"
    table = tree.read_table(path, None if jackknife else LOCAL)
    return table.loc[:, [*LOCAL, *without_columns(table)]] if jackknife else table


def read_global(tree: Tree = WORKSPACE) -> pd.DataFrame:
    """Global estimates and signals of every cloud, with `without_columns`.

    A row per cloud, reading, estimator and scale.
    """
    tables = [
        tree.read_table(paths.ESTIMATES / folder_name(cloud) / "global.parquet")
        for cloud in estimated_clouds(tree)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.loc[:, [*GLOBAL, *without_columns(table)]]


def read_surrogates(tree: Tree = WORKSPACE) -> pd.DataFrame:
    """Mean local estimates of every draw of every cloud's null models; columns `SURROGATES`.

    `tokens` is the mean in which tokens count alike, `documents` that in which documents do.
    """
    estimated = read_estimated(tree)
    tables = [
        tree.read_table(paths.ESTIMATES / folder_name(cloud) / "surrogates.parquet", SURROGATES)
        for cloud in (estimated.clouds() if estimated.surrogates else ())
    ]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=SURROGATES)
