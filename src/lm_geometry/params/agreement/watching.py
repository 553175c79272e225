"""A training that is watched: whether it is one of texts, and the model has the layers."""

from collections.abc import Iterator

from lm_geometry.params.agreement.layers import number_of_layers, numbers_within
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.points import RESIDUAL

EQUATIONS = "modular_arithmetic"


def watched_training_is_of_texts(params: Params, _: Catalogue) -> Iterator[str]:
    """Texts are watched, while a model of transformers trains."""
    settings = params.finetune
    if settings.watch == "none":
        return
    if settings.task == "none":
        yield "finetune.watch: finetune.task none trains nothing that could be watched: none"
    if settings.task == EQUATIONS:
        yield (
            f"finetune.watch: finetune.task {EQUATIONS} learns equations and reads no text that "
            "could be watched: none (finetune.checkpoints, every so many steps, has its "
            "dimensions measured)"
        )


def watched_tokens_have_neighbours(params: Params, _: Catalogue) -> Iterator[str]:
    """A neighbourhood is smaller than the cloud of all tokens that are measured."""
    watch = params.finetune.watch
    if watch != "none" and watch.n_neighbors >= watch.points:
        yield (
            f"finetune.watch.n_neighbors: {watch.n_neighbors:,} neighbours of a token need more "
            f"than finetune.watch.points: {watch.points:,}"
        )


def watched_layers_exist(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """The model has the layers that are watched, each asked for once."""
    watch, depth = params.finetune.watch, number_of_layers(params.model, catalogue)
    if watch != "none" and depth is not None and watch.layers != "all":
        key = "finetune.watch.layers"
        yield from numbers_within(depth, key, params.model, watch.layers, RESIDUAL)
