"""Corpora of token ids: measured by the tokenizer that made them, and not trained on."""

from collections.abc import Iterator

from lm_geometry.data_prep.corpora.catalogue import GIVEN_TOKENS
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.explain import nearest
from lm_geometry.params.sections import Params


def given_tokens_are_measured(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """No model learns from given tokens, no prompt is cut of them, and their tokenizer is known."""
    data = params.data_prep
    ids = {name for name, entry in catalogue.corpora.items() if entry.reader in GIVEN_TOKENS}
    if data.train in ids and params.finetune.task != "none":
        yield (
            f"finetune.task: {params.finetune.task}, and {data.train} is a corpus of token ids, "
            "which are measured as they are and not trained on: none"
        )
    if data.prompts.corpus in ids and data.prompts.count != 0:
        yield (
            f"data_prep.prompts.corpus: {data.prompts.corpus} is a corpus of token ids: name one "
            "of texts, or set data_prep.prompts.count to 0"
        )
    if data.context and (named := sorted(ids & {data.train, *data.evaluate})):
        yield (
            f"data_prep.context: {data.context}, and {named[0]} is a corpus of token ids, which "
            "are all that the model reads: 0"
        )
    for name in sorted(ids & {data.train, *data.evaluate}):
        made_by = catalogue.corpora[name].tokenizer or ""
        if not made_by.startswith(("hub:", "file:")) and made_by not in catalogue.models:
            yield (
                f"data_prep.evaluate: the tokenizer {made_by!r} of {name} is not in "
                f"catalogue/models.yaml{nearest(made_by, list(catalogue.models))}"
            )
