"""Whether a task can be trained with a model as the probe found it."""

import torch
from transformers import PreTrainedModel

from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.tasks.task import Task
from lm_geometry.models.body import tokens_alone, without_cache
from lm_geometry.models.probe import Findings, probe_of
from lm_geometry.outs.data_prep.model import ModelSource


def probed(source: ModelSource, model: PreTrainedModel, settings: Finetune, task: Task) -> Findings:
    """What the model does; raises ValueError where the task would learn nothing that is right.

    That is a next token which the model sees, a turn that is read at a token which sees nothing of
    it, batches filled up where padding changes states, weights that a pass changes (RWKV scales
    some of them, and back in training), and a class that asks for images when it is trained.
    """
    written = [weight._version for weight in model.parameters()]
    found = probe_of(source.name, model, source.half)
    if written != [weight._version for weight in model.parameters()]:
        raise ValueError(
            f"finetune.task: {source.name} changes its own weights whenever it is evaluated, so "
            "that its checkpoints would be wrong: none"
        )
    if settings.task == "causal_lm" and found.sees_right:
        raise ValueError(
            f"finetune.task: causal_lm does not fit {source.name}, which sees the tokens that it "
            "would predict (it is bidirectional): masked_lm, a classification task or none"
        )
    if settings.task == "dialogue_state" and not found.sees_right:
        raise ValueError(
            f"finetune.task: dialogue_state reads the whole turn at its first token, and "
            f"{source.name} sees no token to the right: an encoder"
        )
    _refuse_other_inputs(source, model)
    packed = settings.packing and not task.labels and task.model_class != "AutoModelForSeq2SeqLM"
    if found.padding_leaks and not packed and settings.batch_size > 1:
        raise ValueError(
            f"finetune.batch_size: padding changes the states of {source.name}, so that texts of "
            f"different lengths cannot be in one batch: 1 (with accumulate: {settings.batch_size})"
        )
    return found


@torch.no_grad()
def _refuse_other_inputs(source: ModelSource, model: PreTrainedModel) -> None:
    """Raises ValueError for a class that reads texts alone, and asks for images in training."""
    if model.config.get_text_config() is model.config:
        return
    ids = torch.arange(5, 12, device=next(model.parameters()).device)[None]
    try:
        with torch.random.fork_rng(devices=[]):
            mask = {"attention_mask": torch.ones_like(ids)}
            model.train()(**tokens_alone(model, ids), **mask, **without_cache(model))
    except Exception as error:  # whatever a class says to inputs that it was not made for
        told = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"finetune.task: {source.name} cannot be trained with texts alone ({told}): none"
        ) from None
    finally:
        model.eval()
