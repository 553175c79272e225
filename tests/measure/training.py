"""A short training of a tiny model, with callbacks or without."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from tests.measure.words import documents

TEXTS = documents(16)
SMALL: Any = {"points": 120, "keep_tokens": 300, "n_neighbors": [10], "max_length": 32}


def trained(
    model: Path, folder: Path, callbacks: list[TrainerCallback], steps: int = 6, **more: Any
) -> tuple[Trainer, dict[str, torch.Tensor]]:
    """A training with dropout, resumed where `folder` has its third step, and its weights."""
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_pretrained(model, attention_dropout=0.2)
    tokenizer = AutoTokenizer.from_pretrained(model)
    ids = [tokenizer(text, truncation=True, max_length=24)["input_ids"] for text in TEXTS]
    length = min(map(len, ids))
    rows = [{"input_ids": one[:length], "labels": one[:length]} for one in ids]
    arguments: Any = {"max_steps": steps, "save_strategy": "no", "logging_steps": 3} | more
    args = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        learning_rate=1e-2,
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=1,
        **arguments,
    )
    resumed = folder / "checkpoint-3"
    trainer = Trainer(
        network,
        args,
        data_collator=default_data_collator,
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    trainer.train(resume_from_checkpoint=str(resumed) if resumed.exists() else None)
    return trainer, {name: own.clone() for name, own in network.state_dict().items()}
