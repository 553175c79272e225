"""Whether the model that is about to be loaded is the one that data-prep recorded."""

from lm_geometry.models import sources
from lm_geometry.models.hub_weights import folder_weights
from lm_geometry.models.load import refuse_other_weights
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.hashes import path_hash

AGAIN = "`dvc repro --force --single-item data-prep` reads what is there now"


def refuse_replaced(source: ModelSource) -> None:
    """Raises ValueError where a model of `file:` or of the hub is not the one that was recorded.

    Of a folder all files are read, of the hub the weights, which are downloaded for that where
    they are not here. SystemExit where the hub does not give them.
    """
    parsed = sources.parse(source.source) if source.content else None
    if parsed is None:
        return
    if parsed.scheme == "file":
        place = sources.fetch(parsed, machine.downloads())
        if path_hash(place) != source.content:
            raise ValueError(
                f"model.name: {source.source} is no longer what data-prep read: {AGAIN}"
            )
    if parsed.scheme == "hub":
        refuse_other_weights(source, "model.name")


def refuse_replaced_step(step: ModelSource) -> None:
    """As `refuse_replaced`, of a step of `model.checkpoints`, whose weights alone are recorded."""
    parsed = sources.parse(step.source) if step.content else None
    if parsed is not None and parsed.scheme == "file":
        if folder_weights(sources.fetch(parsed, machine.downloads())).content != step.content:
            raise ValueError(
                f"model.checkpoints: the weights of {step.source} are no longer those that "
                f"data-prep read: {AGAIN}"
            )
    elif parsed is not None and parsed.scheme == "hub":
        refuse_other_weights(step, "model.checkpoints")
