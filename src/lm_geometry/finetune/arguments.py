"""Settings of a run as the Trainer takes them."""

import sys
from pathlib import Path

from transformers import TrainingArguments

from lm_geometry.finetune.division import Division
from lm_geometry.finetune.params import Finetune

RESUMABLE = 2  # trainer checkpoints kept: the last, and one before it


def training_arguments(
    settings: Finetune, steps: int, folder: Path, device: str, own: Division, spread: bool = False
) -> TrainingArguments:
    """The arguments of a run of `steps` optimiser steps whose state is kept in `folder`.

    Of several processes each computes its `own` part of a step; `spread` has each hold a share of
    the weights, gradients and moments (FSDP2), gathered block by block, not a copy of all (DDP).
    """
    sharded = {"fsdp": True, "fsdp_config": {"version": 2}} if spread else {}
    recomputed = {"use_reentrant": False} if settings.gradient_checkpointing else None
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size // own.by_rows,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate // own.by_passes,
        activation_checkpointing=settings.gradient_checkpointing,
        activation_checkpointing_kwargs=recomputed,
        bf16=settings.precision == "bfloat16",
        fp16=settings.precision == "float16",
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        adam_beta1=settings.betas[0],
        adam_beta2=settings.betas[1],
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        train_sampling_strategy="sequential",
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        eval_strategy="no",
        save_total_limit=RESUMABLE,
        report_to=list(settings.report_to) or "none",
        use_cpu=device == "cpu",
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=["labels"],
        **sharded,
    )
