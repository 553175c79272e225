"""The results of a study's experiments, each read at its own revision."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.experiments.committed import FILE, parsed
from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.outs.data_prep.model import ModelSource, read_model_source
from lm_geometry.outs.estimate.prompt_tables import rows_where
from lm_geometry.outs.finetune.checkpoints import BASE, with_sizes
from lm_geometry.params.sections import Params
from lm_geometry.revisions.programs import git
from lm_geometry.revisions.revision import Revision
from lm_geometry.workspace.layers import shown
from lm_geometry.workspace.paths import corpus_names, table
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tree import Tree

TABLES = ("means", "changes", "differences")
REMAINDERS = "remainders"  # a table of runs with null models


@dataclass(frozen=True)
class Collected:
    """One experiment with its tables, and what its figures and headline metrics show.

    `commit` is the experiment's own, `started_from` that of the branch whose code it ran.
    """

    experiment: Experiment
    revision: Tree
    commit: str
    started_from: str
    params: Params
    model: ModelSource
    tables: dict[str, pd.DataFrame]

    @property
    def estimator(self) -> str:
        """The first local estimator."""
        return self.params.estimate.estimators[0]

    @property
    def n_neighbors(self) -> float:
        """The neighbourhood size that is shown."""
        size = self.params.aggregate.n_neighbors
        return float(self.params.estimate.n_neighbors[-1] if size == "last" else size)

    @property
    def exclude(self) -> str:
        """The reading that is shown: which neighbours do not count."""
        asked = self.params.aggregate.exclude
        return self.params.estimate.exclude[0] if asked == "first" else asked

    def read_as(self, exclude: str) -> "Collected":
        """The same with another reading shown; ValueError where its tables do not have it."""
        there = list(dict.fromkeys(self.tables["means"]["exclude"]))
        if exclude not in there:
            raise ValueError(
                f"{self.experiment.name} has no reading {exclude}: estimate.exclude is {there}"
            )
        aggregate = self.params.aggregate.model_copy(update={"exclude": exclude})
        return replace(self, params=self.params.model_copy(update={"aggregate": aggregate}))

    @property
    def layer(self) -> int:
        """The layer that is shown."""
        there = sorted(set(self.tables["means"]["layer"]))
        return shown(self.params.aggregate.layer, there, self.model.layers)

    @property
    def checkpoint(self) -> str:
        """The checkpoint that is compared with base."""
        asked = self.params.aggregate.checkpoint
        last = max(self.tables["means"]["checkpoint"], key=step_of)
        return str(last if asked == "last" else asked)

    @property
    def trained_on(self) -> str | None:
        """Name of the corpus that was fine-tuned on, here or by those whose scores are read."""
        names = corpus_names(self.params.data_prep.model_dump())
        trained = self.params.finetune.task != "none" or bool(self.params.finetune.recorded_scores)
        return names[self.params.data_prep.train] if trained else None

    def of_estimator(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of tokens in a table that are of the shown estimator and reading."""
        level = {"level": OF_TOKENS["level"]} if "level" in table else {}
        return rows_where(table, estimator=self.estimator, exclude=self.exclude, **level)

    def shown(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows of `of_estimator` that are of the shown neighbourhood size."""
        return rows_where(self.of_estimator(table), n_neighbors=self.n_neighbors)


def collect(experiment: Experiment, commit: str, root: Path = ROOT) -> Collected:
    """The tables of an experiment, read from DVC's cache or remote.

    Raises ValueError for one of an earlier version, whose tables know no readings.
    """
    params = Params.of(Project.read(root).params_of(experiment.overrides))
    started_from = git(root, "rev-parse", f"{commit}^").strip()
    return _read(experiment, Revision(commit, root), params, commit, started_from)


def read_run(tree: Tree, name: str) -> Collected:
    """The run that left a tree, with the parameters that lie in it; raises ValueError as `collect`.

    Its commits are not looked up.
    """
    with tree.open(ROOT / FILE) as file:
        params = Params.of(parsed(file.read().decode()))
    return _read(Experiment(name, {}), tree, params, "", "")


def _read(
    experiment: Experiment, tree: Tree, params: Params, commit: str, started_from: str
) -> Collected:
    tables = {name: tree.read_table(table(name)) for name in TABLES}
    if "exclude" not in tables["means"]:
        raise ValueError(
            f"{experiment.name}: its tables are of an earlier version of lm-geometry, which did "
            "not tell which neighbours count; run it again"
        )
    # Kinds that need what a corpus's tokens may not tell leave no rows, and then no table.
    if params.estimate.surrogates.kinds and tree.exists(table(REMAINDERS)):
        tables[REMAINDERS] = tree.read_table(table(REMAINDERS))
    model = read_model_source(tree)
    if not model.layers:  # the training decides it, and not the catalogue
        model = with_sizes(model, tree)
    return Collected(experiment, tree, commit, started_from, params, model, tables)


def step_of(checkpoint: str) -> int:
    """The optimiser step of a checkpoint; 0 for base."""
    return 0 if checkpoint == BASE else int(checkpoint)
