"""Models: what a name stands for, and what is loaded for it."""

import ast
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.models import downloaded
from lm_geometry.models.as_recorded import refuse_replaced
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.hub_errors import hub_errors
from lm_geometry.models.load import (
    load_model,
    load_tokenizer,
    local_location,
    quiet_loading,
)
from lm_geometry.outs.data_prep.model import ModelSource, read_model_source
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.paths import MODEL, layer_file, name_of
from tests.conftest import WIDTH, TinyModel
from tests.structure import ROOT


def same_weights(one: Any, other: Any) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("name", ["llama", "gpt2", "bert"])
def test_a_model_is_loaded_as_it_was_saved(tiny_models: dict[str, TinyModel], name: str) -> None:
    tiny = tiny_models[name]
    auto = {"encoder": "AutoModelForMaskedLM", "decoder": "AutoModelForCausalLM"}
    kind = getattr(transformers, auto[tiny.source.kind])
    model = load_model(tiny.source)
    assert same_weights(model, kind.from_pretrained(tiny.folder))
    assert not model.training
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_untrained_weights_are_drawn_by_their_seed(tiny_models: dict[str, TinyModel]) -> None:
    source = replace(tiny_models["llama"].source, weights="random", seed=1)
    torch.manual_seed(99)
    one = load_model(source)
    torch.manual_seed(7)
    assert same_weights(one, load_model(source))
    assert not same_weights(one, load_model(replace(source, seed=2)))
    assert not same_weights(one, load_model(tiny_models["llama"].source))


def test_a_head_that_was_not_saved_is_always_the_same(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["bert"]
    transformers.AutoModel.from_pretrained(tiny.folder).save_pretrained(tmp_path / "headless")
    source = replace(tiny.source, source=f"file:{tmp_path / 'headless'}")
    torch.manual_seed(99)
    one = load_model(source)
    torch.manual_seed(7)
    assert same_weights(one, load_model(source))
    assert same_weights(one.bert, load_model(tiny.source).bert)


def test_a_head_that_is_not_there_is_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = tiny_models["bert"]
    load_model(tiny.source)
    assert capsys.readouterr().out == ""
    body = transformers.AutoModel.from_pretrained(tiny.folder)
    body.save_pretrained(tmp_path)
    load_model(replace(tiny.source, source=f"file:{tmp_path}"))
    told = capsys.readouterr().out
    assert (
        "weights of the masked-LM head of bert are not in its files, such as cls.predictions."
        in told
    )
    assert "its losses, from what is drawn at random, say nothing" in told


def test_a_tokenizer_pads_on_the_right(tiny_models: dict[str, TinyModel]) -> None:
    for name, pad in (("llama", "</s>"), ("gpt2", "<|endoftext|>"), ("bert", "[PAD]")):
        tokenizer = load_tokenizer(tiny_models[name].source)
        assert tokenizer.pad_token == pad
        batch = tokenizer(["The sea.", "The sea and the sand."], padding=True)
        assert batch["attention_mask"][0][-1] == 0
        assert batch["attention_mask"][0][0] == 1


def test_a_catalogue_name_is_resolved_without_loading_anything() -> None:
    source = resolve(Model.model_validate({"name": "gpt2-medium"}), seed=5)
    facts = ("gpt2-medium", "GPT-2-medium", "hub:openai-community/gpt2-medium", "decoder", 24, 1024)
    assert source == ModelSource(*facts, weights="pretrained", seed=0)
    random = resolve(Model.model_validate({"name": "minilm", "weights": "random"}), seed=5)
    assert (random.kind, random.weights, random.seed) == ("encoder", "random", 5)


def test_a_folder_is_resolved_by_its_own_config(tiny_models: dict[str, TinyModel]) -> None:
    found = {}
    for name, tiny in tiny_models.items():
        source = resolve(Model.model_validate({"name": tiny.source.source}), seed=0)
        assert source.name == name
        found[name] = (source.kind, source.layers, source.width)
    assert found == {
        "llama": ("decoder", 3, WIDTH),
        "gpt2": ("decoder", 2, WIDTH),
        "bert": ("encoder", 2, WIDTH),
    }


def test_layers_are_resolved_from_both_ends(tiny_models: dict[str, TinyModel]) -> None:
    source = tiny_models["llama"].source
    assert source.resolved_layers("all") == [0, 1, 2, 3]
    assert source.resolved_layers([-1, 0, -4, 2]) == [3, 0, 2]  # each once
    for wrong in (4, -5):
        with pytest.raises(
            ValueError, match=f"of llama there is no layer {wrong}; there are 0 … 3"
        ):
            source.resolved_layers([wrong])


def test_the_model_of_a_run_is_read_back(project: Path, tiny_models: dict[str, TinyModel]) -> None:
    from lm_geometry.workspace import paths

    with pytest.raises(FileNotFoundError, match=r"model\.json is missing: `dvc repro`"):
        read_model_source()
    write_json(paths.MODEL, tiny_models["bert"].source.record())
    assert read_model_source() == tiny_models["bert"].source
    assert not MODEL.is_relative_to(project)  # the fixture moved the package's own paths


def test_sources_become_arguments_of_transformers(tmp_path: Path) -> None:
    key, refused = "pretrained_model_name_or_path", {"trust_remote_code": False}
    assert local_location("hub:org/name") == {key: "org/name"} | refused
    assert local_location("hub:org/name@v2") == {key: "org/name", "revision": "v2"} | refused
    assert local_location(f"file:{tmp_path}") == {key: str(tmp_path)} | refused


def test_no_call_may_run_code_that_comes_with_a_model() -> None:
    """Every call takes `NO_CODE` as it is, or within the arguments of `local_location`."""
    told = {"NO_CODE", "local_location", "location", "where"}
    for file in sorted((ROOT / "src").rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            if call.func.attr not in ("from_pretrained", "from_config"):
                continue
            if ast.unparse(call.func.value) in ("LoraConfig", "PeftModel"):
                continue  # adapters, which have no code
            names = {
                node.id
                for keyword in call.keywords
                if keyword.arg is None
                for node in ast.walk(keyword.value)
                if isinstance(node, ast.Name)
            }
            assert names & told, f"{file}:{call.lineno}"


def test_a_converted_file_goes_by_its_content_and_is_checked(
    tmp_path: Path, tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    missing: set[str] = set()
    models = {name: load_model(tiny_models[name].source) for name in ("llama", "gpt2")}

    def dequantised(gguf_file: str, **where: Any) -> Any:
        text = (Path(where["pretrained_model_name_or_path"]) / gguf_file).read_text()
        made.append(text)
        report = {"missing_keys": missing, "unexpected_keys": set[str]()}
        return (models[text], report) if "output_loading_info" in where else models[text]

    monkeypatch.setattr(machine, "downloads", lambda: tmp_path / "downloads")
    for auto in ("AutoModelForCausalLM", "AutoTokenizer"):
        monkeypatch.setattr(f"transformers.{auto}.from_pretrained", dequantised)
    gguf = tmp_path / "models" / "m.gguf"
    gguf.parent.mkdir()
    folders = []
    for text in ("llama", "gpt2", "llama"):
        gguf.write_text(text)
        folders.append(Path(local_location(f"file:{gguf}")["pretrained_model_name_or_path"]))
        assert text in (folders[-1] / "config.json").read_text()
    assert folders[0] == folders[2] != folders[1]
    assert [file.name for file in gguf.parent.iterdir()] == ["m.gguf"]  # which may be read-only
    assert made == ["llama"] * 2 + ["gpt2"] * 2  # the weights and the tokenizer, once each
    with (folders[0] / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"!")
    downloaded._verified.clear()  # as in another process
    assert local_location(f"file:{gguf}")["pretrained_model_name_or_path"] == str(folders[0])
    assert made[4:] == ["llama"] * 2
    missing.add("model.layers.2.mlp.up_proj.weight")  # as in the first of several parts
    downloaded._verified.clear()
    shutil.rmtree(tmp_path / "downloads")
    with pytest.raises(
        NotReadError, match=r"the weight model\.layers\.2\.mlp\.up_proj\.weight of m\.gguf is not"
    ):
        local_location(f"file:{gguf}")
    gguf.write_text("neither")
    with pytest.raises(NotReadError, match=r"m\.gguf cannot be read as GGUF: it is no such file"):
        local_location(f"file:{gguf}")


def test_a_model_that_was_replaced_since_data_prep_is_refused(
    tmp_path: Path, tiny_models: dict[str, TinyModel]
) -> None:
    folder = shutil.copytree(tiny_models["llama"].folder, tmp_path / "mine")
    source = resolve(Model.model_validate({"name": f"file:{folder}"}), seed=0)
    refuse_replaced(source)
    shutil.copy(folder / "config.json", folder / "config.json.old")
    with pytest.raises(ValueError, match="is no longer what data-prep read: `dvc repro --force"):
        refuse_replaced(source)
    refuse_replaced(tiny_models["llama"].source)  # of a record without a hash


def test_an_error_of_the_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecret")
    with pytest.raises(SystemExit) as caught, hub_errors("hub:org/name"):
        raise OSError("You are trying to access a gated repo. hf_secretsecret")
    assert "https://huggingface.co/org/name is gated" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(OSError, match="disk"), hub_errors("file:x"):
        raise OSError("disk")


def test_quiet_loading_leaves_warnings_and_logs_as_they_were() -> None:
    from transformers.utils import logging

    before = (logging.get_verbosity(), logging.is_progress_bar_enabled(), list(warnings.filters))
    with pytest.raises(KeyError), quiet_loading():
        warnings.warn("not heard", UserWarning, stacklevel=1)
        assert logging.get_verbosity() == logging.ERROR
        raise KeyError
    after = (logging.get_verbosity(), logging.is_progress_bar_enabled(), list(warnings.filters))
    assert after == before


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("smollm2", "smollm2"),
        ("hub:Org/Name-1.5@v1", "org-name-1.5-v1"),
        ("file:/models/Llama-3.1-8B", "llama-3.1-8b"),
        ("file:Llama-3.1-8B.Q4_K_M.gguf", "llama-3.1-8b.q4-k-m"),
        ("file:texts/新闻.jsonl", "新闻"),
        ("file:texts/समाचार.csv.gz", "समाचार"),
        ("file:texts/Cafe\u0301.jsonl.zst", "caf\u00e9"),
        ("file:/a/b:c.txt", "b-c"),
        ("file:📰.jsonl", "5215b7"),
        ("file:" + "é" * 100, "é" * 56 + "-14ff1b"),
        ("file:~/models/My Model.gguf", "my-model"),
        ("file:texts/news.txt", "news"),
    ],
)
def test_names_in_paths_are_plain(reference: str, name: str) -> None:
    assert name_of(reference) == name


def test_layer_files_sort_as_layers_do() -> None:
    names = [layer_file(layer) for layer in (0, 2, 10, 31)]
    assert names == sorted(names)
    assert layer_file(-1) == "layer-combined.npy"


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def settings(device: str) -> machine.Machine:
        return machine.Machine.model_validate({"device": device, "threads": 1})

    monkeypatch.setattr(machine, "machine", lambda: settings("cuda"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="LM_GEOMETRY_DEVICE=cuda: torch sees no such device"):
        machine.device()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(machine, "machine", lambda: settings("auto"))
    assert machine.device() == ("cpu", "no accelerator; 1 threads")


def test_other_weights_under_the_same_path_are_another_model(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_models["bert"].folder, folder)
    name = Model.model_validate({"name": f"file:{folder}"})
    before = resolve(name, seed=0)
    assert resolve(name, seed=0) == before
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert resolve(name, seed=0) != before
