"""Fine-tuning with the Hugging Face Trainer; resumes exactly where it was interrupted."""

import json
import math
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from lm_geometry import machine
from lm_geometry.model_source import ModelSource
from lm_geometry.models import load_model, load_tokenizer, quiet_loading
from lm_geometry.params.finetune import Finetune
from lm_geometry.store.files import read_json, whole_folder, write_json
from lm_geometry.tasks import blocks
from lm_geometry.tasks.causal_lm import CausalBatch
from lm_geometry.tasks.masked_lm import MaskedBatch

BATCHES = {"causal_lm": CausalBatch, "masked_lm": MaskedBatch}
COMPLETE = "complete"  # marks a trainer checkpoint that was written to its end
RESUMABLE = 2  # trainer checkpoints kept: the last, and one before it


def finetune(
    source: ModelSource,
    settings: Finetune,
    texts: list[str],
    held_out: list[str],
    work: Path,
) -> list[dict[str, Any]]:
    """The loss curve of a fine-tuning run, as records of `step`, `curve` and `loss` (nat/token).

    The checkpoint of step s stands in `work/checkpoints/s` when this returns: adapters for
    method `lora`, else the whole model, in Hugging Face layout. Trainer state is kept below
    `work`; called again after an interruption, training goes on from the last of it, and every
    byte is that of an uninterrupted run on the same machine.
    """
    curve = work / "curve.json"
    if curve.exists():
        return read_json(curve)
    tokenizer = load_tokenizer(source)
    with quiet_loading():
        trainer = _trainer(source, settings, tokenizer, work)
        trainer.train_dataset = _stream(settings, texts, tokenizer)
        trainer.eval_dataset = _held_out(settings, held_out, tokenizer)
        resumed = _last_complete(work / "trainer")
        trainer.args.eval_on_start = resumed is None
        trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    records = _records(trainer.state.log_history)
    write_json(curve, records)
    shutil.rmtree(work / "trainer")
    return records


def _trainer(source: ModelSource, settings: Finetune, tokenizer: Any, work: Path) -> Trainer:
    device, reason = machine.device()
    print(f"fine-tuning on {device} ({reason}), float32", flush=True)
    model = _trainable(source, settings)
    batch = BATCHES[settings.task](tokenizer, settings.seed, settings.mask_probability)
    trainer = Trainer(
        model=model,
        args=_arguments(settings, work / "trainer", device),
        data_collator=batch,
        callbacks=[KeepCheckpoints(source, settings.checkpoints, work / "checkpoints")],
    )
    trainer.remove_callback(PrinterCallback)  # it prints every step where there is no bar
    return trainer


def _arguments(settings: Finetune, folder: Path, device: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
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
        report_to="none",
        use_cpu=device == "cpu",
        disable_tqdm=not sys.stderr.isatty(),
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        label_names=["labels"],
    )


def _trainable(source: ModelSource, settings: Finetune) -> Any:
    """The model with what is to be trained: fresh adapters, or all of its weights."""
    import torch

    model = load_model(source)
    if settings.method == "full":
        return model
    from peft import LoraConfig, get_peft_model

    lora = settings.lora
    torch.manual_seed(settings.seed)
    chosen, excluded = _projections(model, lora.modules)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=chosen,
        exclude_modules=excluded or None,
        layers_to_transform=None if lora.layers == "all" else lora.layers,
        use_rslora=lora.rank_stabilised,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )
    model.name_or_path = ""  # else saving asks the hub whether the vocabulary was resized
    return get_peft_model(model, config)


def _projections(model: Any, asked: list[str] | str) -> tuple[list[str], list[str]]:
    """Names of the adapted linear maps of the blocks, and maps so named outside of the blocks.

    Heads and poolers are never adapted; only a block has a number in its path.
    """
    linear = {
        path: path.rsplit(".", 1)[-1]
        for path, module in model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")
    }
    inside = {path for path in linear if re.search(r"\.\d+\.", path)}
    names = {linear[path] for path in inside}
    if not isinstance(asked, str):
        if unknown := set(asked) - names:
            raise ValueError(
                f"finetune.lora.modules: {sorted(unknown)} are no linear maps of the model's "
                f"blocks; there are {sorted(names)}"
            )
        names = set(asked)
    outside = [path for path in linear if path not in inside and linear[path] in names]
    return sorted(names), sorted(outside)


def _stream(settings: Finetune, texts: list[str], tokenizer: Any) -> blocks.ExampleStream:
    cut = blocks.packed if settings.packing else blocks.sequences
    examples = cut(texts, tokenizer, settings.block_tokens)
    length = settings.steps * settings.batch_size * settings.accumulate
    return blocks.ExampleStream(examples, length, settings.seed)


def _held_out(settings: Finetune, texts: list[str], tokenizer: Any) -> blocks.FixedExamples:
    chosen = texts[: settings.evaluation_sequences]
    return blocks.FixedExamples(blocks.sequences(chosen, tokenizer, settings.block_tokens))


class KeepCheckpoints(TrainerCallback):
    """Evaluates and saves at the listed steps, and exports what embedding needs."""

    def __init__(self, source: ModelSource, steps: list[int], folder: Path) -> None:
        self.source = source
        self.steps = set(steps)
        self.folder = folder

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if state.global_step in self.steps:
            control.should_evaluate = True
            control.should_save = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> Any:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise ValueError(
                f"the training loss is {loss} at step {state.global_step}: training diverged; "
                "lower finetune.learning_rate or finetune.max_gradient_norm"
            )
        return control

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> Any:
        export(model, self.source, self.folder / str(state.global_step))
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE).touch()
        loss = next(e["eval_loss"] for e in reversed(state.log_history) if "eval_loss" in e)
        print(f"step {state.global_step}: validation loss {loss:.4f}", flush=True)
        return control


def export(model: Any, source: ModelSource, folder: Path) -> None:
    """Write a checkpoint in Hugging Face layout, the same bytes on every machine."""
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary)
        (temporary / "README.md").unlink(missing_ok=True)
        adapter = temporary / "adapter_config.json"
        if adapter.exists():
            config = json.loads(adapter.read_text())
            config["base_model_name_or_path"] = source.source
            for key in ("target_modules", "exclude_modules"):
                config[key] = sorted(config[key] or [])
            write_json(adapter, dict(sorted(config.items())))


def _last_complete(folder: Path) -> Path | None:
    """The newest trainer checkpoint that was written to its end; others are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in found:
        if not (path / COMPLETE).exists():
            shutil.rmtree(path)
    kept = [path for path in found if path.exists()]
    return kept[-1] if kept else None


def _records(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {"loss": "training", "eval_loss": "validation"}
    return [
        {"step": entry["step"], "curve": curve, "loss": entry[key]}
        for entry in history
        for key, curve in names.items()
        if key in entry
    ]
