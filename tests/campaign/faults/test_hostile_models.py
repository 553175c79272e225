"""Configs and GGUF files that nobody saved so: a sentence at the check or in data-prep."""

import json
import os
import pickle
import resource
import shutil
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.models.load import load_model
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.params.check import ParamsError, check_project
from lm_geometry.workspace import machine
from lm_geometry.workspace.faults import sentence
from tests.conftest import TinyModel
from tests.params.test_check import project_with

CONFIGS: dict[str, bytes] = {
    "no JSON": b"{layers: 3",
    "a list": b"[1, 2]",
    "a number": b"3",
    "deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "UTF-16": '{"model_type": "llama"}'.encode("utf-16"),
    "empty": b"",
}
ABSURD = {"layers as a text": "12", "no layer": 0, "fewer than none": -3, "NaN": float("nan")}
ABSURD |= {"more than any": 10**12, "a list of layers": [3], "true": True}


CHECKED = ["config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
CHECKED += ["added_tokens.json", "model.safetensors.index.json"]


@pytest.mark.parametrize("depth", [900, 100_000])
@pytest.mark.parametrize("file", [*CHECKED, "generation_config.json"])
def test_deep_json_beside_the_weights_is_refused_in_a_sentence(
    tmp_path: Path, tiny_models: dict[str, TinyModel], file: str, depth: int
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_models["llama"].folder, model)
    (model / file).write_text('{"a": ' + "[" * depth + "]" * depth + "}")
    if "index" in file:
        (model / "model.safetensors").unlink()
    source = replace(tiny_models["llama"].source, source=f"file:{model}")
    with pytest.raises((ValueError, SystemExit)) as raised:
        checked(source)  # as of a model of the catalogue, whose files nobody looked at before
        load_model(source)
    assert isinstance(raised.value, SystemExit) or sentence(raised.value), repr(raised.value)


def test_a_tokenizer_that_its_library_cannot_parse_is_told(
    tmp_path: Path, tiny_models: dict[str, TinyModel]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_models["llama"].folder, model)
    file = model / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model": 3}))
    with pytest.raises(SystemExit, match=r"model.name: the tokenizer of llama cannot be loaded \("):
        checked(replace(tiny_models["llama"].source, source=f"file:{model}"))


@pytest.mark.parametrize("what", [*CONFIGS, *ABSURD])
def test_a_hostile_config_is_refused_before_anything_runs(
    tmp_path: Path, tiny_models: dict[str, TinyModel], what: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_models["llama"].folder, model)
    file = model / "config.json"
    if what in CONFIGS:
        file.write_bytes(CONFIGS[what])
    else:
        config = json.loads(file.read_text()) | {"num_hidden_layers": ABSURD[what]}
        file.write_text(json.dumps(config))
    root = tmp_path / "project"
    root.mkdir()
    with pytest.raises(Exception) as raised, quiet_loading():  # noqa: PT011
        check_project(project_with(root, model__name=f"file:{model}"))
        checked(resolve(Model.model_validate({"name": f"file:{model}"}), seed=0))
    assert sentence(raised.value), repr(raised.value)
    assert not isinstance(raised.value, MemoryError | RecursionError)
    if isinstance(raised.value, ParamsError):
        names = ("model.name", "config.json", "embed.layers")
        assert any(name in str(raised.value) for name in names)


def safetensors(header: bytes | dict[str, object], length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + b"\0" * 64


def tensor(shape: list[int], *places: int) -> dict[str, object]:
    return {"model.norm.weight": {"dtype": "F32", "shape": shape, "data_offsets": list(places)}}


SAFETENSORS = {
    "empty": b"",
    "a header of 2^62": safetensors(b"{}", 2**62),
    "a header of 2^64 - 1": safetensors(b"{}", 2**64 - 1),
    "a header of a gigabyte": safetensors(b"{}", 2**30),
    "a header longer than the file": safetensors(b"{}", 100),
    "a header that is none": safetensors(b"no JSON"),
    "a deep header": safetensors(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "a tensor behind the end": safetensors(tensor([16], 2**40, 2**40 + 64)),
    "a tensor of 2^60": safetensors(tensor([2**60], 0, 2**62)),
    "a tensor larger than its place": safetensors(tensor([2**60], 0, 64)),
    "a tensor of less than nothing": safetensors(tensor([16], 64, 0)),
    "a product of 2^64": safetensors(tensor([2**32, 2**32], 0, 0)),
}


@pytest.mark.parametrize("what", [*SAFETENSORS])
def test_hostile_safetensors_are_refused(
    tmp_path: Path, tiny_models: dict[str, TinyModel], what: str
) -> None:
    model = shutil.copytree(tiny_models["llama"].folder, tmp_path / "model")
    (model / "model.safetensors").write_bytes(SAFETENSORS[what])
    source = replace(tiny_models["llama"].source, source=f"file:{model}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SystemExit, match=r"model\.safetensors of llama .* is cut or damaged"):
        checked(source)
    with pytest.raises(Exception) as raised, quiet_loading():  # noqa: PT011
        load_model(source)
    assert isinstance(raised.value, Exception | SystemExit)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500_000  # kilobytes


class Payload:
    """Runs a command where a pickle of it is read."""

    def __init__(self, leaves: Path) -> None:
        self.leaves = leaves

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.leaves}",)


@pytest.mark.parametrize("allowed", ["", "1"])
@pytest.mark.parametrize("packed", ["zip", "legacy", "pickle"])
def test_code_in_pickled_weights_is_refused_and_not_run(
    tmp_path: Path,
    tiny_models: dict[str, TinyModel],
    monkeypatch: pytest.MonkeyPatch,
    packed: str,
    allowed: str,
) -> None:
    if allowed:
        monkeypatch.setenv("LM_GEOMETRY_PICKLED_WEIGHTS", allowed)
    machine.machine.cache_clear()
    model = shutil.copytree(tiny_models["llama"].folder, tmp_path / "model")
    (model / "model.safetensors").unlink()
    file, payload = model / "pytorch_model.bin", Payload(tmp_path / "was-run")
    if packed == "pickle":
        file.write_bytes(pickle.dumps(payload, protocol=2))
    else:
        weights = {"model.norm.weight": payload}
        torch.save(weights, file, _use_new_zipfile_serialization=packed == "zip")
    source = replace(tiny_models["llama"].source, source=f"file:{model}")
    with pytest.raises(SystemExit) as told:
        checked(source)
    words = (
        "more than the tensors of weights"
        if allowed
        else "alone, a pickle, which may hold more than weights"
    )
    assert words in str(told.value)
    assert "weights_only=False" not in str(told.value)  # as torch advises
    with pytest.raises(Exception), quiet_loading():  # noqa: B017, PT011
        load_model(source)
    assert not payload.leaves.exists()
    machine.machine.cache_clear()


def gguf(tensors: int, pairs: int, more: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + more


GGUFS = {
    "empty": b"",
    "cut": b"GGUF\x03\x00",
    "2^60 tensors": gguf(2**60, 0),
    "2^60 values": gguf(0, 2**60),
    "a string of 2^50": gguf(0, 1, struct.pack("<Q", 2**50) + b"a"),
}


@pytest.mark.parametrize("what", [*GGUFS])
def test_a_hostile_gguf_is_refused(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lm_geometry.workspace.machine.downloads", lambda: tmp_path / "downloads")
    file = tmp_path / "model.gguf"
    file.write_bytes(GGUFS[what])
    source = ModelSource("m", "m", f"file:{file}", "decoder", 2, 8, "pretrained", 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Exception) as raised, quiet_loading():  # noqa: PT011
        load_model(source)
    assert sentence(raised.value), repr(raised.value)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500_000  # kilobytes
