"""Dropout of a run in the words of each architecture's config."""

from transformers import PreTrainedConfig

from lm_geometry.finetune.params import Dropout

NAMES = {
    "hidden": ("hidden_dropout_prob", "resid_pdrop", "hidden_dropout", "mlp_dropout", "dropout"),
    "attention": ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout"),
    "embedding": ("embd_pdrop", "embedding_dropout"),
    "classifier": ("classifier_dropout", "seq_classif_dropout"),
}
# In the config, and used nowhere in the model.
IDLE = {("phi3", "embd_pdrop"), ("distilbert", "classifier_dropout")}


def dropout_changes(
    dropout: Dropout, config: PreTrainedConfig, classifies: bool
) -> dict[str, float]:
    """Values of a config by the names that this architecture has for them.

    Raises ValueError for one that the architecture does not have, or that the task does not use.
    """
    there = {kind: name for kind in NAMES if (name := _name(kind, config, classifies))}
    asked = {kind: value for kind, value in dropout.model_dump().items() if value is not None}
    if unknown := [kind for kind in asked if kind not in there]:
        raise ValueError(
            f"finetune.dropout: {config.model_type} has no dropout {unknown[0]!r} in this task; "
            f"there are {', '.join(f'{kind} ({name})' for kind, name in there.items()) or 'none'}"
        )
    return {there[kind]: value for kind, value in asked.items()}


def _name(kind: str, config: PreTrainedConfig, classifies: bool) -> str | None:
    if kind == "classifier" and not classifies:
        return None
    names = (name for name in NAMES[kind] if hasattr(config, name))
    return next((name for name in names if (config.model_type, name) not in IDLE), None)
