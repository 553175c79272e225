"""Two processes train a sharded model (FSDP2): `torchrun -m tests.measure.sharded_training …`."""

import itertools
import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    default_data_collator,
)
from transformers.distributed import DistributedConfig

from lm_geometry.measure.budget import Budget
from lm_geometry.measure.callback import LocalDimensionCallback
from tests.measure.training import SMALL, TEXTS
from tests.measure.words import documents

STEPS = 2
ALL: Any = SMALL | {"signals": ["weight_norm"], "control": documents(16, seed=1)}


def sharded(folder: Path, together: bool) -> nn.Module:
    """A model of which each process has a half; `together`: its last norm and its head are one."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder, attention_dropout=0.2).train()
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for block in model.model.layers:
        fully_shard(block, mesh=mesh)
    if together:
        fully_shard(model.model.embed_tokens, mesh=mesh)
        fully_shard([model.model.norm, model.lm_head], mesh=mesh, reshard_after_forward=False)
    fully_shard(model, mesh=mesh)
    return model


def adapted(folder: Path) -> nn.Module:
    """Adapters of PEFT, sharded with the model."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    model = get_peft_model(model, LoraConfig(target_modules=["q_proj", "v_proj"], lora_dropout=0.1))
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    for block in model.base_model.model.model.layers:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def train(model: nn.Module, tokenizer: Any, watch: LocalDimensionCallback | None) -> dict[str, Any]:
    """What is left of a short training on other texts in each process."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-2)
    for step in range(STEPS):
        if watch is not None:
            watch.step(model, step)
        batch = tokenizer(TEXTS[2 * step + dist.get_rank()], return_tensors="pt")
        model(**batch, labels=batch["input_ids"]).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    if watch is not None:
        watch.step(model, STEPS)
    weights = dict(model.named_parameters())
    return {
        "history": watch.history if watch else [],
        "shares": {name: own.to_local().clone() for name, own in weights.items()},
        "whole": {name: own.full_tensor() for name, own in weights.items()},
    }


def take_processors_for_accelerators() -> None:
    """Let accelerate shard a model on the CPU, where it would train copies without a word."""
    begin = AcceleratorState.__init__

    def init(self: AcceleratorState, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        plugin = named.get("fsdp_plugin")
        if plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, plugin

    AcceleratorState.__init__ = init


def in_trainer(
    folder: Path, out: Path, callbacks: list[Any], itself: bool = False
) -> dict[str, Any]:
    """What a Trainer leaves of a model that transformers sharded as it was loaded.

    `itself`: the Trainer shards it, by accelerate.
    """
    torch.manual_seed(0)
    more: dict[str, Any] = {}
    if itself:
        own: Any = {}
        wrapped = {"version": 2, "transformer_layer_cls_to_wrap": ["LlamaDecoderLayer"]}
        more = {"fsdp": True, "fsdp_config": wrapped}
    else:
        own = {"distributed_config": DistributedConfig(fsdp_size=dist.get_world_size())}
    model = AutoModelForCausalLM.from_pretrained(folder, **own)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text, truncation=True, max_length=24)["input_ids"] for text in TEXTS]
    length = min(map(len, ids))
    args = TrainingArguments(
        output_dir=str(out / "trainer"),
        max_steps=STEPS,
        per_device_train_batch_size=2,
        use_cpu=True,
        ddp_backend="gloo",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **more,
    )
    rows = [{"input_ids": one[:length], "labels": one[:length]} for one in ids]
    given: Any = {"train_dataset": rows, "data_collator": default_data_collator}
    trainer = Trainer(model, args, **given, processing_class=tokenizer, callbacks=callbacks)
    trainer.train()
    trained: Any = dict((trainer.model_wrapped if itself else model).named_parameters())
    return {"shares": {name: weight.to_local().clone() for name, weight in trained.items()}}


def clocked(tokenizer: Any, generous: int) -> LocalDimensionCallback:
    """A callback whose budget allows every step by the clock of one process, none by the other's.

    By the other's clock the first measurement took all of the time.
    """
    watch = LocalDimensionCallback(TEXTS, every=1, budget=0.5, tokenizer=tokenizer, **SMALL)
    times = itertools.chain([0.0], itertools.repeat(0.0 if dist.get_rank() == generous else 1.0))
    watch._budget = Budget(1, 0.5, lambda: next(times))
    return watch


def copied(folder: Path, tokenizer: Any) -> int:
    """How often a process measures that has a copy (DDP) of the whole model."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    watch = LocalDimensionCallback(TEXTS, tokenizer=tokenizer, **SMALL)
    watch.step(nn.parallel.DistributedDataParallel(model), 0)
    return len(watch.history)


def refused(model: nn.Module, tokenizer: Any) -> str:
    """What is said of texts that are too short, in each process."""
    watch = LocalDimensionCallback(["Sand."], tokenizer=tokenizer)
    try:
        watch.step(model, 0)
    except ValueError as error:
        return str(error)
    return ""


def main(folder: Path, out: Path) -> None:
    dist.init_process_group("gloo")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    every: Any = {"every": 1, "budget": None, "tokenizer": tokenizer}
    found: dict[str, Any] = {}
    for name, together in (("root", False), ("together", True)):
        found[f"{name} alone"] = train(sharded(folder, together), tokenizer, None)
        file = {"file": out / f"{name}.jsonl"}
        watch = LocalDimensionCallback(TEXTS, **every, **file, **ALL)
        found[name] = train(sharded(folder, together), tokenizer, watch)
    where = LocalDimensionCallback(TEXTS, [1], **every, **SMALL, where="attention")
    found["attention"] = train(sharded(folder, False), tokenizer, where)
    found["adapted alone"] = train(adapted(folder), tokenizer, None)
    watch = LocalDimensionCallback(TEXTS, **every, **SMALL)
    found["adapted"] = train(adapted(folder), tokenizer, watch)
    watch = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    for name, callbacks in (("trainer alone", []), ("trainer", [watch])):
        found[name] = in_trainer(folder, out, callbacks)
    found["trainer"]["history"] = watch.history
    for rank in (0, 1):
        model = sharded(folder, False)
        found[f"clocked {rank}"] = train(model, tokenizer, clocked(tokenizer, rank))
    found["copied"] = copied(folder, tokenizer)
    found["refused"] = refused(sharded(folder, False), tokenizer)
    take_processors_for_accelerators()  # last, since accelerate then says so to all that follows
    watch = LocalDimensionCallback(TEXTS, every=1, budget=None, **SMALL)
    for name, callbacks in (("accelerate alone", []), ("accelerate", [watch])):
        found[name] = in_trainer(folder, out, callbacks, itself=True)
    found["accelerate"]["history"] = watch.history
    torch.save(found, out / f"found-{dist.get_rank()}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
