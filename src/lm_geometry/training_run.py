"""The finetune stage: one training run, and the checkpoints that later stages read."""

from typing import Any

from lm_geometry import paths
from lm_geometry.checkpoints import BASE
from lm_geometry.model_source import ModelSource
from lm_geometry.params.finetune import Finetune
from lm_geometry.prepared_corpora import read_training
from lm_geometry.store.cells import Cells
from lm_geometry.store.files import write_json
from lm_geometry.store.hashes import path_hash
from lm_geometry.training import finetune


def train(source: ModelSource, settings: Finetune) -> list[dict[str, Any]]:
    """The loss curve of the fine-tuning run, whose checkpoints are then in data/checkpoints.

    Base is a pointer to the model's source. An interrupted run goes on from its last checkpoint.
    """
    steps = [] if settings.task == "none" else sorted(set(settings.checkpoints))
    curve: list[dict[str, Any]] = []
    if steps:
        curve = _train(source, settings, steps)
    write_json(paths.CHECKPOINTS / BASE / "source.json", source.record())
    write_json(paths.CHECKPOINTS / "index.json", {"steps": steps, "task": settings.task})
    return curve


def _train(source: ModelSource, settings: Finetune, steps: list[int]) -> list[dict[str, Any]]:
    corpus = read_training()
    inputs = {
        "model": source.record(),
        "finetune": settings.model_dump(),
        "training": path_hash(paths.TRAINING),
    }
    cells = Cells("finetune", inputs)
    held_out = corpus.texts("validation")
    curve = finetune(source, settings, corpus.texts("train"), held_out, cells.folder)
    for step in steps:
        cells.publish("checkpoints", str(step), to=paths.CHECKPOINTS / str(step))
    cells.clear()
    splits = {"training": "train", "validation": "validation"}
    return [{**record, "corpus": corpus.name, "split": splits[record["curve"]]} for record in curve]
