"""The callback as the stage finetune uses it: `finetune.watch`, at fixed steps."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from torch import nn
from transformers import TrainerCallback

from lm_geometry.finetune.measured import MeasuredGeometry
from lm_geometry.finetune.observed import HeldOutTexts
from lm_geometry.finetune.watch_params import Watch
from lm_geometry.measure.callback import FILE, LocalDimensionCallback
from lm_geometry.measure.log import Values
from lm_geometry.measure.options import Options
from lm_geometry.measure.watch import PREFIX
from lm_geometry.workspace.hashes import path_hash, value_hash
from lm_geometry.workspace.section import ROOT

# Whose code measures, beside that which dvc.yaml names among the dependencies of finetune.
ROOMS = (
    "aggregate",
    "data_prep",
    "dimension",
    "embed",
    "estimate",
    "measure",
    "neighbours",
    "observables",
    "outs",
    "point_cloud",
    "statistics",
    "surrogates",
    "token_sample",
)
DIMENSION = "local dimension"
_NAME = re.compile(rf"{PREFIX}/layer_(\d+)(?:/(\w+))?")
_ENDS = ("lower", "upper")


class TrainingObserver:
    """Measures what `finetune.watch` asks for (`finetune.observed.Observer`)."""

    def __init__(self) -> None:
        self.code = code_of(ROOMS)

    def callback(self, asked: Watch, texts: HeldOutTexts) -> TrainerCallback:
        """A callback that measures at every `asked.every` steps, whatever that takes."""
        return _Callback(
            pd.DataFrame(dict(texts.rows)),
            asked.layers if isinstance(asked.layers, str) else tuple(asked.layers),
            every=asked.every,
            budget=None,
            tokenizer=texts.tokenizer,
            file=texts.folder / FILE,
            **options_of(asked, texts),
        )

    def measured(self, entry: Mapping[str, float]) -> list[MeasuredGeometry]:
        """Means and changes with their intervals; not which way it goes, nor what it took."""
        found = []
        for name in sorted(entry):
            match = _NAME.fullmatch(name)
            what = (match[2] or "") if match else ""
            if not match or what == "course" or what.rpartition("_")[2] in _ENDS:
                continue
            row: MeasuredGeometry = {
                "step": int(entry["step"]),
                "layer": int(match[1]),
                "quantity": _quantity(what),
                "value": entry[name],
            }
            joint = "_" if what else "/"
            if all(f"{name}{joint}{end}" in entry for end in _ENDS):
                row["lower"], row["upper"] = (entry[f"{name}{joint}{end}"] for end in _ENDS)
            found.append(row)
        return sorted(found, key=lambda row: row["layer"])


class _Callback(LocalDimensionCallback):
    """One whose sentences name the parameter."""

    def step(self, model: nn.Module, step: int) -> Values | None:
        try:
            return super().step(model, step)
        except ValueError as error:
            raise ValueError(f"finetune.watch: {error}") from None


def options_of(asked: Watch, texts: HeldOutTexts) -> Options:
    """The options of `measure` that give the same numbers."""
    half: Any = texts.half
    return {
        "half": half,
        "max_length": texts.max_tokens,
        "long_texts": "cut",
        "keep_tokens": 2 * asked.points,
        "prepared": 2 * asked.points,
        "points": asked.points,
        "n_neighbors": [asked.n_neighbors],
        "exclude": [asked.exclude],
        "signals": list(asked.signals),
        "jackknife": asked.groups,
    }


def code_of(rooms: tuple[str, ...]) -> str:
    """Hash of the code of rooms, whatever else lies there."""
    package = ROOT / "src" / "lm_geometry"
    files = [file for room in rooms for file in sorted((package / room).rglob("*.py"))]
    return value_hash([[file.relative_to(package).as_posix(), path_hash(file)] for file in files])


def _quantity(what: str) -> str:
    """What a value is of, in words."""
    if what in ("", "change"):
        what = what.replace("change", f"change of {DIMENSION}") or DIMENSION
    elif what.endswith("_change"):
        what = f"change of {what.removesuffix('_change')}"
    return what.replace("_", " ")
