"""Training: whether the corpus has what the task learns from, and it is what is measured."""

from collections.abc import Iterator

from lm_geometry.finetune.learned_columns import lacking, learned_columns
from lm_geometry.outs.data_prep.corpora import training_columns
from lm_geometry.outs.data_prep.model import LANGUAGE_TASKS
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.paths import corpus_names

PAIRED = ("sequence_classification", "token_classification", "dialogue_state")  # read contexts


def corpus_fits_task(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """A task with classes, or one that writes labels, has a corpus with them."""
    settings, entry = params.finetune, catalogue.models.get(params.model.name)
    if settings.task == "language_modelling" and entry is not None:
        task = LANGUAGE_TASKS.get(entry.kind, settings.task)
        settings = settings.model_copy(update={"task": task})
    if not catalogue.prepared or not learned_columns(settings):
        return
    name = corpus_names(params.data_prep.model_dump())[params.data_prep.train]
    columns = training_columns(catalogue.root, name)
    if columns and (told := lacking(settings, columns)):
        yield told


def contexts_are_trained_on(params: Params, _: Catalogue) -> Iterator[str]:
    """What is measured with what was said before it is trained on in the same way."""
    context, settings = params.data_prep.context, params.finetune
    if not context or settings.task == "none":
        return
    if settings.task not in PAIRED:
        yield (
            f"data_prep.context: {context}: finetune.task {settings.task} learns from texts alone, "
            "so that what is measured would not be what was trained on: 0, or a task of labels "
            f"({', '.join(PAIRED)}), or none"
        )
        return
    if params.embed.prefix_space:
        yield (
            "embed.prefix_space: true puts a space before texts and contexts, which training does "
            f"not, and with data_prep.context: {context} they would be other inputs: false"
        )
    if params.embed.max_length != settings.block_tokens:
        yield (
            f"embed.max_length: {params.embed.max_length} cuts inputs elsewhere than training does "
            f"(finetune.block_tokens: {settings.block_tokens}), and with data_prep.context: "
            f"{context} they would be other inputs: give both the same"
        )
