"""Models too large for one device: spread over memory and disk, they compute the same."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lm_geometry.embed.params import Embed
from lm_geometry.embed.placement import load_placed, places, weight_bytes, why_spread
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.load import load_model
from lm_geometry.outs.embed.prompts import read_index
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import write_json
from tests.conftest import TinyModel
from tests.prepared_prompts import write_prompts

SETTINGS = Embed.model_validate({"prompts": {"gride_range": 16, "overlap_k": 5}})


@pytest.fixture
def set_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Sets facts of the machine, with a scratch folder of the test's own."""

    def set_to(**settings: str) -> None:
        for name, value in ({"scratch": str(tmp_path / "scratch")} | settings).items():
            monkeypatch.setenv(f"LM_GEOMETRY_{name.upper()}", value)
        machine.machine.cache_clear()

    yield set_to
    machine.machine.cache_clear()


def on_several(model: torch.nn.Module) -> bool:
    return len(set(places(model).values())) > 1


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_a_model_on_disk_and_in_memory_gives_the_same_states(
    tiny_models: dict[str, TinyModel], set_machine, name: str
) -> None:
    source = tiny_models[name].source
    whole = load_model(source)
    half = weight_bytes(source, torch.float32) // 2
    set_machine(spread="always", memory=f"cpu={half // 1000 + 1}KB")
    spread = load_placed(source, None, "cpu", torch.float32)
    assert on_several(spread) or set(places(spread).values()) == {"disk"}
    assert any(weight.is_meta for weight in spread.parameters())
    ids = torch.arange(40)[None] % 50
    with torch.inference_mode():
        ours = spread(ids, output_hidden_states=True)
        theirs = whole(ids, output_hidden_states=True)
    assert torch.equal(ours.logits, theirs.logits)
    for one, other in zip(ours.hidden_states, theirs.hidden_states, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_prompts_of_a_spread_model_have_the_same_records(
    project: Path, tiny_models: dict[str, TinyModel], set_machine, weights: str
) -> None:
    write_json(paths.CHECKPOINTS / "index.json", {"steps": [], "task": "none"})
    write_prompts(numbers=[3, 8], shuffles=[0])
    source = replace(tiny_models["llama"].source, weights=weights)
    set_machine(spread="never")
    embed_prompts(source, SETTINGS)
    files = [paths.PROMPT_NEIGHBOURS / cloud.file for cloud in read_index().clouds()]
    whole = [file.read_bytes() for file in files]
    for file in files:
        file.unlink()
    set_machine(spread="always", memory="cpu=100KB")
    embed_prompts(source, SETTINGS)
    assert [file.read_bytes() for file in files] == whole


def test_a_model_is_spread_where_its_weights_do_not_fit_on_the_gpu(
    tiny_models: dict[str, TinyModel], set_machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tiny_models["llama"].source
    needed = sum(weight.nbytes for weight in load_model(source).parameters())
    assert weight_bytes(source, torch.float32) == needed
    assert weight_bytes(source, torch.bfloat16) == needed / 2
    free = [needed]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free[0], 2 * needed))
    set_machine()
    assert "free on the GPU" in why_spread(source, "cuda", torch.float32)
    assert why_spread(source, "cuda", torch.bfloat16) == ""
    assert why_spread(source, "cpu", torch.float32) == ""
    set_machine(spread="never")
    assert why_spread(source, "cuda", torch.float32) == ""


def test_memory_is_read_by_device(set_machine) -> None:
    set_machine(memory="0=20GiB, cpu=60.5 GiB")
    assert machine.memory() == {0: "20GiB", "cpu": "60.5 GiB"}
    set_machine(memory="")
    assert machine.memory() is None
    set_machine(memory="20 gigabytes")
    with pytest.raises(ValueError, match="memory"):
        machine.machine()


def test_a_spread_model_is_loaded_of_the_files_that_are_checked(
    tiny_models: dict[str, TinyModel], set_machine, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_models["llama"].folder, folder)
    config = json.loads((folder / "config.json").read_text())
    named = config | {"transformers_weights": "other.safetensors"}
    (folder / "config.json").write_text(json.dumps(named))
    shutil.copy(folder / "model.safetensors", folder / "other.safetensors")
    set_machine(spread="always")
    source = replace(tiny_models["llama"].source, source=f"file:{folder}")
    with pytest.raises(NotReadError, match="has the key transformers_weights"):
        load_placed(source, None, "cpu", torch.float32)
