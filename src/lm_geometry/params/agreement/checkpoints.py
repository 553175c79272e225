"""Checkpoints: those that training keeps, that are embedded, and that figures show."""

from collections.abc import Iterator

from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params


def checkpoints_are_trained(params: Params, _: Catalogue) -> Iterator[str]:
    """Embedded and shown checkpoints are steps that training keeps."""
    finetune, embed, aggregate = params.finetune, params.embed, params.aggregate
    trained = finetune.known_checkpoints()
    if trained is None:  # {every: ...} of a run in epochs: the run itself tells
        return
    if finetune.task != "none" and not trained:
        yield "finetune.checkpoints: no step is listed; finetune.task none trains nothing"
    last = finetune.steps
    if trained and (trained[0] < 1 or (last is not None and trained[-1] > last)):
        yield (
            f"finetune.checkpoints: {trained} must lie within "
            f"1 … finetune.steps = {last or 'the last step'}"
        )
    embedded = trained if embed.checkpoints == "all" else embed.checkpoints
    for step in embedded:
        if step not in trained:
            yield f"embed.checkpoints: {step} is not in finetune.checkpoints {trained}"
    shown = aggregate.checkpoint
    if isinstance(shown, int) and shown not in embedded:
        yield f"aggregate.checkpoint: {shown} is not among the embedded checkpoints {embedded}"
