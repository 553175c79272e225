"""What a Trainer of transformers does not give its callbacks: a way to log, and a refusal."""

import sys
from typing import Any

from transformers import TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import CallbackHandler

from lm_geometry.measure.log import Values


def log(
    values: Values, args: TrainingArguments, state: TrainerState, control: TrainerControl
) -> None:
    """Let all others hear of values, and keep them in the state of the Trainer."""
    logs = values | ({"epoch": state.epoch} if state.epoch is not None else {})
    state.log_history.append({**logs, "step": state.global_step})
    handler = _handler()
    if handler is not None:  # not `on_log`, which takes back what the Trainer was about to log
        handler.call_event("on_log", args, state, control, logs=logs)


def _handler() -> CallbackHandler | None:
    """Who called the callback, and calls the others.

    A Trainer gives its callbacks all but itself, and no way to log; its handler is a few calls up.
    """
    frame = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, CallbackHandler):
            return caller
        frame = frame.f_back
    return None


def refuse_spread(args: TrainingArguments) -> None:
    """Raises ValueError for DeepSpeed, FSDP1 and FSDP of XLA, which are not read; FSDP2 is."""
    own: Any = getattr(args, "fsdp_config", None) or {}
    older = bool(getattr(args, "fsdp", None)) and (int(own.get("version", 2)) < 2 or own.get("xla"))
    for name, given in (("deepspeed", getattr(args, "deepspeed", None)), ("fsdp", older)):
        if given:
            raise ValueError(
                f"{name} spreads a model over processes, all of which a forward pass needs: "
                "LocalDimensionCallback measures there under FSDP2 alone (fsdp_config version 2)"
            )
