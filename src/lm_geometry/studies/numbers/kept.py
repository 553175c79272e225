"""The results of a study as they lie in studies/results/NAME, where its experiments are no more."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from lm_geometry.aggregate.means import OF_TOKENS
from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import Study
from lm_geometry.studies.grid import experiments
from lm_geometry.studies.numbers.collection import REMAINDERS, TABLES, Collected
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tables import read_table
from lm_geometry.workspace.tree import WORKSPACE


def kept(name: str, study: Study, results: Path, root: Path = ROOT) -> list[Collected]:
    """Every experiment of a study with the tables that its results have of it, and no other file.

    Of tables that know no readings, since they are of an earlier version, all neighbours count.
    Raises FileNotFoundError where the study has no results, and ValueError where these are of
    another number of experiments than it has now.
    """
    tables = {
        table: read_table(results / f"{table}.parquet")
        for table in (*TABLES, REMAINDERS)
        if (results / f"{table}.parquet").exists()
    }
    if not tables:  # of prompts alone
        return []
    project, found = Project.read(root), experiments(name, study, root)
    names = list(dict.fromkeys(tables["means"]["experiment"]))
    if len(names) != len(found):
        raise ValueError(
            f"{results} has the results of {len(names)} experiments, and the study has {len(found)}"
        )
    return [
        _kept(project, Experiment(own, one.overrides, one.case), tables)
        for own, one in zip(names, found, strict=True)
    ]


def _kept(project: Project, one: Experiment, tables: dict[str, pd.DataFrame]) -> Collected:
    raw = project.params_of(one.overrides)
    own = {name: rows.loc[rows["experiment"] == one.name] for name, rows in tables.items()}
    params, deepest = Params.of(raw), int(own["means"]["layer"].max())
    if "exclude" not in own["means"]:
        before: dict[str, Hashable] = {"exclude": NONE, "level": OF_TOKENS["level"]}
        own = {name: rows.assign(**before) for name, rows in own.items()}
        aggregate = params.aggregate.model_copy(update={"exclude": NONE})
        params = params.model_copy(update={"aggregate": aggregate})
    model = _model(raw["model"], project.models, deepest)
    return Collected(one, WORKSPACE, "", "", params, model, own)


def _model(asked: dict[str, Any], entries: dict[str, Any], deepest: int) -> ModelSource:
    """What the catalogue tells of the model; the layers of one that it does not have are these."""
    name, weights = asked["name"], asked.get("weights", "pretrained")
    entry = entries.get(name, {})
    return ModelSource(
        name=name,
        label=entry.get("label", name),
        source=str(entry.get("source", "")),
        kind=str(entry.get("kind", "")),
        layers=int(entry.get("layers") or deepest),
        width=int(entry.get("width") or 0),
        weights=weights,
        seed=0,
    )
