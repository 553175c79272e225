"""The states of a run that are kept: for embedding, and to go on from after an interruption."""

import json
import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from torch import nn
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from lm_geometry.finetune.arguments import RESUMABLE
from lm_geometry.finetune.spread_weights import whole_weights
from lm_geometry.finetune.together import ALONE, Processes
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace.files import whole_folder, write_json
from lm_geometry.workspace.manifest import is_whole, write_manifest

if TYPE_CHECKING:
    from peft import PeftModel

COMPLETE = "complete"  # marks a trainer checkpoint that was written to its end
SAVE_SECONDS = 300.0  # between two savings of the state from which an interrupted run goes on


class KeepCheckpoints(TrainerCallback):
    """Evaluates and saves at the listed steps, and exports what embedding needs.

    Between them the trainer's state alone is saved every `SAVE_SECONDS`. Of several processes the
    first one says when that is, and exports.
    """

    def __init__(
        self, source: ModelSource, steps: list[int], folder: Path, together: Processes = ALONE
    ) -> None:
        self.together = together
        self.source = source
        self.steps = set(steps)
        self.folder = folder
        self.saved = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        if state.global_step in self.steps:
            control.should_evaluate = True
            control.should_save = True
        elif self.together.agreed(time.monotonic() - self.saved >= SAVE_SECONDS):
            control.should_save = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: object,
    ) -> None:
        for name, loss in (("training", "loss"), ("validation", "eval_loss")):
            value = (logs or {}).get(loss, 0.0)
            if not math.isfinite(value):
                raise ValueError(
                    f"the {name} loss is {value} at step {state.global_step}: training diverged; "
                    "lower finetune.learning_rate or finetune.max_gradient_norm"
                )

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: "PreTrainedModel | PeftModel | None" = None,
        **_: object,
    ) -> None:
        kept = state.global_step in self.steps
        assert model is not None  # the Trainer gives its own
        whole = whole_weights(model) if kept and self.together.spread else None
        self.together.wait()  # each has saved its random generators
        if not self.together.leads:
            return
        if kept:
            folder = self.folder / str(state.global_step)
            export(model, self.source, folder, whole)
            write_manifest(folder, "md5")
        assert args.output_dir is not None  # see `training_arguments`
        saved = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        (saved / COMPLETE).touch()
        write_manifest(saved)
        self.saved = time.monotonic()
        if kept:
            loss = next(e["eval_loss"] for e in reversed(state.log_history) if "eval_loss" in e)
            print(f"step {state.global_step}: validation loss {loss:.4f}", flush=True)


def checkpoint_bytes(model: nn.Module, number: int) -> int:
    """Bytes of so many checkpoints, and of the states from which the run goes on (with AdamW's two
    moments of every trained weight)."""
    sizes = {weight: weight.numel() * weight.element_size() for weight in model.parameters()}
    trained = sum(size for weight, size in sizes.items() if weight.requires_grad)
    exported = trained if hasattr(model, "peft_config") else sum(sizes.values())
    return number * exported + (RESUMABLE + 1) * (exported + 2 * trained)


def export(
    model: "PreTrainedModel | PeftModel",
    source: ModelSource,
    folder: Path,
    whole: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint in Hugging Face layout, the same bytes on every machine.

    `whole` are the weights of a model of which this process has a share.

    A whole model can be loaded by its folder alone, with its tokenizer from the base model. Of
    adapters the model's config is written as well where it holds the names of classes.
    """
    with whole_folder(folder) as temporary:
        model.save_pretrained(str(temporary), state_dict=whole)
        (temporary / "README.md").unlink(missing_ok=True)
        adapter = temporary / "adapter_config.json"
        if adapter.exists():
            _write_plainly(adapter, source)
            adapted = cast("PeftModel", model)
            if "Classification" in type(adapted.get_base_model()).__name__:
                adapted.config.save_pretrained(temporary)


def _write_plainly(adapter: Path, source: ModelSource) -> None:
    """An adapter's config in a fixed order, which names its base and no path of this machine."""
    config = json.loads(adapter.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = source.source
    for key in ("target_modules", "exclude_modules"):
        config[key] = sorted(config[key] or [])
    if config.get("modules_to_save"):
        config["modules_to_save"] = sorted(config["modules_to_save"])
    write_json(adapter, dict(sorted(config.items())))


def last_complete(folder: Path) -> Path | None:
    """The newest trainer checkpoint that is as it was written to its end; others are removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    for path in found:
        if not is_whole(path):
            shutil.rmtree(path)
    kept = [path for path in found if path.exists()]
    return kept[-1] if kept else None
