"""Models that are only read, on their device, or spread over several where one is too small."""

import shutil
import tempfile
import weakref
from collections import Counter
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel

from lm_geometry.models.facts import NO_CODE, NotReadError, class_with_head
from lm_geometry.models.hub_errors import hub_errors
from lm_geometry.models.load import (
    is_language_model,
    load_model,
    local_location,
    read_config,
)
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.models.weights import judge, weight_files, without_heads
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine

AutoModel = type[AutoModelForMaskedLM] | type[AutoModelForCausalLM]

ROOM = 0.8  # of a GPU's free memory for weights; the rest is for states and logits


def load_placed(
    source: ModelSource, checkpoint: Path | None, device: str, dtype: torch.dtype
) -> PreTrainedModel:
    """The language model with its head, in evaluation mode, in `dtype` on `device`.

    Where `LM_GEOMETRY_SPREAD` says so it is spread over all GPUs, then main memory, then the
    scratch folder, block by block (`device_map="auto"` of transformers and accelerate); a base
    model then goes from its files to each device without being whole anywhere. `checkpoint` is as
    for `load_model`.
    """
    reason = why_spread(source, device, dtype)
    if not reason:
        return on_one_device(load_model(source, checkpoint), device, dtype)
    model = _spread(source, checkpoint, dtype)
    modules = Counter(str(place) for place in places(model).values())
    told = ", ".join(f"{number} modules on {place}" for place, number in modules.items())
    print(f"{source.name} is spread ({reason}): {told or 'all on one device'}", flush=True)
    return model


def places(model: PreTrainedModel) -> dict[str, int | str]:
    """The device of each part of a spread model, by the part's name; empty where it is whole."""
    return getattr(model, "hf_device_map", {})


def on_one_device(model: PreTrainedModel, device: str, dtype: torch.dtype) -> PreTrainedModel:
    """The same model, whole on a device and in one precision."""
    cast("nn.Module", model).to(device=device, dtype=dtype)  # whose own hides its arguments
    return model


def why_spread(source: ModelSource, device: str, dtype: torch.dtype) -> str:
    """Why the model of the source is spread over devices; empty where it is not."""
    wanted = machine.machine().spread
    if wanted == "always":
        return "LM_GEOMETRY_SPREAD=always"
    if wanted == "never" or device != "cuda":
        return ""
    needed, free = weight_bytes(source, dtype), torch.cuda.mem_get_info()[0]
    if needed <= ROOM * free:
        return ""
    return f"{needed / 2**30:.1f} GiB of weights, {free / 2**30:.1f} GiB free on the GPU"


def gpus_of(source: ModelSource, dtype: str) -> Literal["none", "one", "all"]:
    """Of the GPUs of this machine, what the model takes: none where states come from elsewhere."""
    device, _ = machine.device()
    if device != "cuda":
        return "none"
    if source.kind == "arithmetic":
        return "one"
    bytes_of = torch.bfloat16 if dtype == "auto" else getattr(torch, dtype)
    return "all" if why_spread(source, device, bytes_of) else "one"


def weight_bytes(source: ModelSource, dtype: torch.dtype) -> int:
    """Bytes of the model's weights in `dtype`; nothing is loaded."""
    with torch.device("meta"):
        model = _model_class(source).from_config(read_config(source), **NO_CODE)
    return sum(weight.numel() for weight in model.parameters()) * dtype.itemsize


def _spread(source: ModelSource, checkpoint: Path | None, dtype: torch.dtype) -> PreTrainedModel:
    # Of its own: accelerate takes the weights of whatever model it finds written in a folder.
    inside = machine.scratch() / "offloaded"
    inside.mkdir(parents=True, exist_ok=True)
    offload = Path(tempfile.mkdtemp(dir=inside, prefix=f"{source.name}-"))
    model = _spread_to(offload, source, checkpoint, dtype)
    weakref.finalize(model, shutil.rmtree, offload, ignore_errors=True)
    return model


def _spread_to(
    offload: Path, source: ModelSource, checkpoint: Path | None, dtype: torch.dtype
) -> PreTrainedModel:
    if checkpoint is None and source.weights == "pretrained":
        return _from_files(source, local_location(source.source), dtype, offload)
    if checkpoint is not None and is_language_model(checkpoint):
        where = {"pretrained_model_name_or_path": str(checkpoint)} | NO_CODE
        return _from_files(source, where, dtype, offload)
    return _dispatched(on_one_device(load_model(source, checkpoint), "cpu", dtype), offload)


def _from_files(
    source: ModelSource, where: dict[str, Any], dtype: torch.dtype, offload: Path
) -> PreTrainedModel:
    torch.manual_seed(source.seed)
    with hub_errors(source.source), quiet_loading():
        weight_files(where, source.name)  # data/model.json may be of a check made elsewhere
        loaded: Any = _model_class(source).from_pretrained(
            **where,
            output_loading_info=True,
            dtype=dtype,
            device_map="auto",
            max_memory=machine.memory(),
            offload_folder=str(offload),
        )
    model, found = loaded
    try:
        placed, _ = without_heads(found, model)
        judge(source.name, source.kind, placed, f"{model.base_model_prefix}.", replaced=False)
    except NotReadError as error:
        raise SystemExit(str(error)) from None
    return model.eval()


def _dispatched(model: PreTrainedModel, offload: Path) -> PreTrainedModel:
    """A model in main memory, spread in the same way."""
    from accelerate import dispatch_model, infer_auto_device_map
    from accelerate.utils import get_balanced_memory

    whole = getattr(model, "_no_split_modules", None) or []
    blocks, dtype = list(whole), model.dtype
    allowed = get_balanced_memory(
        model, machine.memory(), no_split_module_classes=blocks, dtype=dtype
    )
    chosen = infer_auto_device_map(
        model, max_memory=allowed, no_split_module_classes=blocks, dtype=dtype
    )
    dispatch_model(model, chosen, offload_dir=str(offload))
    return model.eval()


def _model_class(source: ModelSource) -> AutoModel:
    import transformers

    return getattr(transformers, class_with_head(source.kind, read_config(source)))
