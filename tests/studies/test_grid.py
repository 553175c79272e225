"""Names over the experiments of a study."""

from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.studies.grid import shared_names
from tests.structure import ROOT


def test_models_and_corpora_of_one_name_are_an_error() -> None:
    project = Project.read(ROOT)
    overrides = [
        {"model.name": "file:/a/model", "data_prep.train": "file:/a/news.jsonl"},
        {"model.name": "file:/b/Model", "data_prep.train": "news"},
        {"model.name": "gpt2", "data_prep.train": "file:/a/news.jsonl"},
    ]
    found = [Experiment(f"e-{i}", own) for i, own in enumerate(overrides)]
    told = shared_names(found, project)
    assert told[0].startswith("the models file:/a/model and file:/b/Model would all be named model")
    assert told[1].startswith("the corpora file:/a/news.jsonl and news would all be named news")
    assert len(told) == 2
    assert shared_names(found[:1], project) == []
