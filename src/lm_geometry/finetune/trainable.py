"""The model with what is to be trained: fresh adapters, or its own weights."""

from typing import TYPE_CHECKING

from transformers import PreTrainedConfig, PreTrainedModel

from lm_geometry.finetune.adapters import with_adapters
from lm_geometry.finetune.dropout import dropout_changes
from lm_geometry.finetune.freezing import freeze, frozen_modules
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.suitable import probed
from lm_geometry.finetune.tasks.task import Task
from lm_geometry.models.facts import CLASSES, class_with_head
from lm_geometry.models.load import load_model, load_with_head, read_config
from lm_geometry.outs.data_prep.model import ModelSource

if TYPE_CHECKING:
    from peft import PeftModel


def trainable(source: ModelSource, settings: Finetune, task: Task) -> "PreTrainedModel | PeftModel":
    """The source's model with the task's head, dropout and frozen modules as the settings say.

    Names of classes are in its config. Raises ValueError for names that the model does not have.
    """
    config = read_config(source)
    text = config.get_text_config()
    changes = dropout_changes(settings.dropout, text, classifies=bool(task.labels))
    for name, value in changes.items():
        setattr(text, name, value)
    if task.labels:
        model, new = _with_classes(source, settings, task, config)
    else:
        model_class = task.model_class
        if model_class == CLASSES[source.kind]:  # whose text tower may have another class
            model_class = class_with_head(source.kind, config)
        model, new = load_with_head(source, model_class, config, source.seed)[0], set()
    task.meet(model, probed(source, model, settings, task))
    frozen = frozen_modules(model, settings.freeze)
    if settings.method == "full":
        freeze(model, frozen)
        return model
    heads = _heads(model, new) if task.labels else []
    return with_adapters(model, settings.lora, frozen, heads, settings.seed)


def _with_classes(
    source: ModelSource, settings: Finetune, task: Task, config: PreTrainedConfig
) -> tuple[PreTrainedModel, set[str]]:
    """The model with a head of classes, and the names of the weights that were drawn for it.

    The head is drawn by the seed of the training run, the body of an untrained model by the
    source's own, so that it is the body of base.
    """
    config.id2label = dict(enumerate(task.labels))
    config.label2id = {name: number for number, name in enumerate(task.labels)}
    config.get_text_config().pad_token_id = task.tokenizer.pad_token_id
    model, new = load_with_head(source, task.model_class, config, settings.seed)
    if source.weights == "random":
        body = load_model(source).base_model.state_dict()
        drawn = model.base_model.load_state_dict(body, strict=False).missing_keys
        new = {f"{model.base_model_prefix}.{name}" for name in drawn}
    return model, new


def _heads(model: PreTrainedModel, new: set[str]) -> list[str]:
    """Modules that adapters alone cannot train: the head, and parts of the body that are new."""
    prefix = model.base_model_prefix
    outside = {
        name
        for name, module in model.named_children()
        if name != prefix and any(True for _ in module.parameters())
    }
    drawn = {".".join(name.split(".")[:2]) for name in new if name.startswith(f"{prefix}.")}
    return sorted(outside | drawn)
