"""Checkpoints: those that training keeps, that are embedded, and that figures show."""

from collections.abc import Iterator

from lm_geometry.data_prep.step_names import is_pattern, step_of
from lm_geometry.models.local_files import SourceError, advice, local_path
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params


def checkpoints_are_trained(params: Params, _: Catalogue) -> Iterator[str]:
    """Embedded and shown checkpoints are steps that training keeps."""
    finetune, embed, aggregate = params.finetune, params.embed, params.aggregate
    if params.model.checkpoints:
        yield from _series_is_possible(params)
    trained = params.known_checkpoints()
    if trained is None:  # {every: ...} of a run in epochs: the run itself tells
        return
    if finetune.task != "none" and not trained:
        yield "finetune.checkpoints: no step is listed; finetune.task none trains nothing"
    last = finetune.steps
    if trained and not params.model.checkpoints and last is not None and trained[-1] > last:
        yield f"finetune.checkpoints: {trained} must lie within 1 … finetune.steps = {last}"
    embedded = trained if embed.checkpoints == "all" else embed.checkpoints
    for step in embedded:
        if step not in trained:
            of = "model" if params.model.checkpoints else "finetune"
            yield f"embed.checkpoints: {step} is not in {of}.checkpoints {trained}"
    shown = aggregate.checkpoint
    if isinstance(shown, int) and shown not in embedded:
        yield f"aggregate.checkpoint: {shown} is not among the embedded checkpoints {embedded}"


def scores_are_of_checkpoints(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """What others recorded is there, and the checkpoints that it is of are read."""
    scores = params.finetune.recorded_scores
    if scores and not params.model.checkpoints:
        yield (
            f"finetune.recorded_scores: {scores} are of checkpoints that others made, and "
            "model.checkpoints names none"
        )
    for name in scores:
        if not name.startswith("file:"):
            yield f"finetune.recorded_scores: {name!r} is not file:PATH"
            continue
        location = name.removeprefix("file:")
        try:
            path = local_path(location, catalogue.root)
        except SourceError as error:
            yield f"finetune.recorded_scores: {error}"
            continue
        if not path.exists():
            yield f"finetune.recorded_scores: there is no {path}{advice(location)}"


def _series_is_possible(params: Params) -> Iterator[str]:
    """Checkpoints that are read are not trained, nor drawn at random."""
    told = f"model.checkpoints: {params.model.checkpoints}"
    if params.finetune.task != "none":
        yield f"{told} are read, and finetune.task {params.finetune.task} trains others: none"
    if params.model.weights == "random":
        yield f"{told} are trained weights, and model.weights is random: pretrained"
    for name in params.model.checkpoints:
        if is_pattern(name):
            continue
        try:
            step_of(name)
        except ValueError as error:
            yield f"model.checkpoints: {error}"
