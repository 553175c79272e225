"""Models of modular arithmetic as folders: config.json and model.safetensors."""

from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from lm_geometry.models.arithmetic.model import Architecture, ArithmeticTransformer
from lm_geometry.workspace.files import read_json, whole_folder, write_json

KIND = "modular_arithmetic"  # in config.json
CONFIG, WEIGHTS = "config.json", "model.safetensors"


def save_model(model: ArithmeticTransformer, folder: Path) -> None:
    """Write config.json and model.safetensors, whole or not at all, the same bytes every time."""
    with whole_folder(folder) as temporary:
        weights = {name: w.detach().cpu().contiguous() for name, w in model.state_dict().items()}
        save_file(weights, temporary / WEIGHTS)
        write_json(temporary / CONFIG, {"model_type": KIND, **asdict(model.architecture)})


def load_model(folder: Path) -> ArithmeticTransformer:
    """The model of a folder that `save_model` wrote, in evaluation mode, on the CPU.

    Raises ValueError where the folder holds another kind of model.
    """
    config = read_json(folder / CONFIG)
    if config.pop("model_type", None) != KIND:
        raise ValueError(f"{folder} holds no model of task {KIND}")
    with torch.random.fork_rng(devices=[]):
        model = ArithmeticTransformer(Architecture(**config))
    model.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    return model.eval()


def is_arithmetic(folder: Path) -> bool:
    """Whether a checkpoint folder holds a model of this kind."""
    config = folder / CONFIG
    return config.exists() and read_json(config).get("model_type") == KIND
