"""Training: whether the corpus, as data-prep found it, has what the task learns from."""

from collections.abc import Iterator

from lm_geometry.finetune.learned_columns import lacking, learned_columns
from lm_geometry.outs.data_prep.corpora import training_columns
from lm_geometry.outs.data_prep.model import LANGUAGE_TASKS
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.paths import corpus_names


def corpus_fits_task(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """A task with classes, or one that writes labels, has a corpus with them."""
    settings, entry = params.finetune, catalogue.models.get(params.model.name)
    if settings.task == "language_modelling" and entry is not None:
        task = LANGUAGE_TASKS.get(entry.kind, settings.task)
        settings = settings.model_copy(update={"task": task})
    if not learned_columns(settings):
        return
    name = corpus_names(params.data_prep.model_dump())[params.data_prep.train]
    columns = training_columns(catalogue.root, name)
    if columns and (told := lacking(settings, columns)):
        yield told
