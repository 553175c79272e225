"""The model of a pipeline run, as data-prep resolved it: data/model.json."""

from lm_geometry.models.source import ModelSource
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json


def read_model_source() -> ModelSource:
    """The model of this pipeline run, as data-prep resolved it."""
    return ModelSource(**read_json(paths.MODEL))
