"""What is hashed of weights is what is loaded, and where that is not clear a model is refused."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.hub_weights import folder_weights
from lm_geometry.models.local_files import SourceError
from lm_geometry.models.weight_choice import chosen, listed, unread
from lm_geometry.models.weights import weight_files
from tests.conftest import TinyModel

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
PARTS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def divided(folder: Path) -> None:
    """The weights in two parts, with their index, as `save_pretrained` writes them."""
    weights = load_file(folder / WHOLE)
    names = [*weights]
    halves = names[: len(names) // 2], names[len(names) // 2 :]
    for part, half in zip(PARTS, halves, strict=True):
        save_file({n: weights[n].clone() for n in half}, folder / part, metadata={"format": "pt"})
    of_part = {name: part for part, half in zip(PARTS, halves, strict=True) for name in half}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": of_part}))
    (folder / WHOLE).unlink()


@pytest.fixture
def folder(tmp_path: Path, tiny_models: dict[str, TinyModel]) -> Path:
    return shutil.copytree(tiny_models["llama"].folder, tmp_path / "model")


def place(folder: Path) -> dict[str, str]:
    return {"pretrained_model_name_or_path": str(folder)}


def refusal(folder: Path) -> str:
    with pytest.raises(NotReadError, match=r"which weights of mine are meant is not clear") as told:
        weight_files(place(folder), "mine")
    return str(told.value)


def test_what_is_hashed_is_what_is_loaded(folder: Path) -> None:
    whole = [file.name for file in weight_files(place(folder), "mine")]
    assert whole == chosen([file.name for file in folder.iterdir()], folder.joinpath) == [WHOLE]
    before = folder_weights(folder)
    (folder / "model.fp16.safetensors").write_bytes(b"of another precision, which nobody loads")
    assert folder_weights(folder) == before
    divided(folder)
    parts = [file.name for file in weight_files(place(folder), "mine")]
    assert parts == chosen([file.name for file in folder.iterdir()], folder.joinpath) == PARTS
    assert AutoModelForCausalLM.from_pretrained(folder) is not None
    assert folder_weights(folder) != before
    (folder / PARTS[1]).unlink()
    with pytest.raises(SourceError, match=rf"lacks a part of its weights, {PARTS[1]}"):
        folder_weights(folder)


def test_one_file_beside_parts_is_refused(folder: Path) -> None:
    shutil.copy(folder / WHOLE, folder / "kept")
    divided(folder)
    weight_files(place(folder), "mine")
    (folder / "kept").rename(folder / WHOLE)
    assert f"it has {WHOLE}, and {PARTS[0]} … {INDEX} of weights in parts" in refusal(folder)


def test_parts_without_an_index_are_refused_also_beside_a_pickle(folder: Path) -> None:
    divided(folder)
    (folder / INDEX).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"")
    assert f"parts of weights ({PARTS[0]} … {PARTS[1]}), and no {INDEX}" in refusal(folder)


def test_parts_of_a_pickle_beside_safetensors_leave_no_doubt(folder: Path) -> None:
    left = "pytorch_model-00001-of-00002.bin"
    (folder / left).write_bytes(b"")
    assert [file.name for file in weight_files(place(folder), "mine")] == [WHOLE]
    assert unread(file.name for file in folder.iterdir()) == left
    divided(folder)
    assert [file.name for file in weight_files(place(folder), "mine")] == PARTS


def test_parts_of_a_save_that_was_cut_are_refused(folder: Path) -> None:
    """`save_pretrained` writes the index last: until then it lists the parts of another save."""
    divided(folder)
    shutil.copy(folder / PARTS[0], folder / "model-00001-of-00003.safetensors")
    assert f"{INDEX} does not list (model-00001-of-00003.safetensors)" in refusal(folder)
    assert chosen([file.name for file in folder.iterdir()], folder.joinpath) == PARTS


def test_a_pickle_beside_safetensors_is_not_read_and_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = resolve(Model.model_validate({"name": f"file:{folder}"}), seed=0)
    checked(source)
    assert "beside them" not in capsys.readouterr().out
    torch.save({}, folder / "pytorch_model.bin")
    other = resolve(Model.model_validate({"name": f"file:{folder}"}), seed=0)
    assert other.content != source.content  # the record has it all the same
    checked(other)
    printed = capsys.readouterr().out
    assert "model: its safetensors are read, and not pytorch_model.bin beside them" in printed


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": 3}', "[" * 100_000])
def test_an_index_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / INDEX).write_text(text)
    with pytest.raises(SourceError, match="is no index of weights"):
        listed(tmp_path / INDEX)
