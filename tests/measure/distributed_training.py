"""A training of two processes, watched or not: `torchrun … distributed_training.py MODEL OUT W`."""

import sys
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    default_data_collator,
)

from lm_geometry.measure.callback import LocalDimensionCallback

WORDS = ["senate", "met", "morning", "river", "sand", "clay", "sea", "people", "the", "cloud"]


def texts() -> list[str]:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(WORDS), (16, 30), generator=generator).tolist()
    return [" ".join(WORDS[i] for i in row) for row in rows]


def main(folder: str, out: Path, watched: bool) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, attention_dropout=0.2)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text)["input_ids"][:20] for text in texts()]
    rows = [{"input_ids": one, "labels": one} for one in ids]
    options = {"points": 120, "keep_tokens": 300, "n_neighbors": [10], "max_length": 32}
    watch = LocalDimensionCallback(texts(), every=1, budget=None, **options)
    args = TrainingArguments(
        output_dir=str(out),
        max_steps=3,
        per_device_train_batch_size=2,
        learning_rate=1e-2,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        ddp_backend="gloo",
    )
    callbacks = [watch] if watched else []
    trainer = Trainer(
        model,
        args,
        data_collator=default_data_collator,
        train_dataset=rows,
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    trainer.train()
    assert args.world_size == 2
    assert len(watch.history) == (4 if watched and args.process_index == 0 else 0)
    torch.save(model.state_dict(), out / f"weights-{args.process_index}.pt")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "watched")
