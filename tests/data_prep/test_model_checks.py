"""What people bring as a model: data-prep ends at once with a sentence, or it is read as it is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from lm_geometry.data_prep.model_checks import checked
from lm_geometry.data_prep.model_names import resolve
from lm_geometry.data_prep.params import Model
from lm_geometry.embed.forward_pass import ForwardPass, pad_id
from lm_geometry.models.facts import NotReadError
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.probe import probe
from lm_geometry.outs.data_prep.model import ModelSource
from tests.architectures.matrix import VOCABULARY, tokenizer
from tests.conftest import WIDTH, TinyModel

WEIGHTS = "model.safetensors"


def resolved(folder: Path, **changes: Any) -> ModelSource:
    return checked(resolve(Model.model_validate({"name": f"file:{folder}", **changes}), seed=0))


def refusal(folder: Path, **changes: Any) -> str:
    """The sentences that data-prep ends with."""
    with pytest.raises((SystemExit, NotReadError)) as caught:
        resolved(folder, **changes)
    told = str(caught.value)
    assert "Traceback" not in told
    return told


def copied(tiny: TinyModel, target: Path) -> Path:
    return Path(shutil.copytree(tiny.folder, target / "model"))


def edited_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def renamed(folder: Path, prefix: str) -> None:
    weights = load_file(folder / WEIGHTS)
    named = {f"{prefix}{name}": weight.clone() for name, weight in weights.items()}
    save_file(named, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module."])
def test_a_prefix_of_compiled_or_wrapped_models_is_named(
    tiny_models: dict[str, TinyModel], tmp_path: Path, prefix: str
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    renamed(folder, prefix)
    told = refusal(folder)
    assert "weights of model are not in its files, such as model." in told
    assert f"begin with `{prefix}`" in told
    assert "`weights: random`" in told
    with pytest.raises(SystemExit, match="not in its files"):
        load_model(resolve(Model.model_validate({"name": f"file:{folder}"}), seed=0))
    assert resolved(folder, weights="random").weights == "random"


def test_a_decoder_without_its_head_is_not_read(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    edited_config(folder, tie_word_embeddings=False)
    weights = load_file(folder / WEIGHTS)
    body = {name: weight for name, weight in weights.items() if "lm_head" not in name}
    save_file(body, folder / WEIGHTS, metadata={"format": "pt"})
    assert "the weight lm_head.weight of the head of model is not in its files" in refusal(folder)


def test_more_or_fewer_blocks_than_the_config_says_are_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    edited_config(folder, num_hidden_layers=2)
    told = refusal(folder)
    assert "are without a place in the model of its config, such as model.layers.2." in told
    edited_config(folder, num_hidden_layers=4)
    assert "such as model.layers.3." in refusal(folder)
    edited_config(folder, num_hidden_layers=3, intermediate_size=50)
    assert "are of another shape than its config says" in refusal(folder)


def test_cut_files_and_pointers_are_told(tiny_models: dict[str, TinyModel], tmp_path: Path) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    file = folder / WEIGHTS
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert "is cut or damaged" in refusal(folder)
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    file.write_text(pointer)
    assert "`git lfs pull`" in refusal(folder)
    file.unlink()
    assert "has no weights" in refusal(folder)
    index = {
        "metadata": {},
        "weight_map": {"model.norm.weight": "model-00001-of-00001.safetensors"},
    }
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))
    assert "lacks" in refusal(folder)
    (folder / "config.json").write_text(pointer)
    assert "config.json of" in refusal(folder)


def test_adapters_quantised_weights_and_code_are_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    adapters = tmp_path / "adapters"
    adapters.mkdir()
    config = {"peft_type": "LORA", "base_model_name_or_path": "some/base", "r": 4}
    (adapters / "adapter_config.json").write_text(json.dumps(config))
    assert "holds adapters alone, of some/base: merge them" in refusal(adapters)
    folder = copied(tiny_models["llama"], tmp_path)
    shutil.copy(adapters / "adapter_config.json", folder)
    assert "adapters (adapter_config.json) beside a model" in refusal(folder)
    (folder / "adapter_config.json").unlink()
    edited_config(folder, quantization_config={"quant_method": "gptq", "bits": 4})
    assert "are quantised (gptq)" in refusal(folder)
    edited_config(folder, quantization_config=None, model_type="new", auto_map={"AutoModel": "a.B"})
    told = refusal(folder)
    assert "is a new, which this version of transformers does not have" in told
    assert "code of its own, which is never run" in told


def test_all_that_is_wrong_is_told_at_once(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    renamed(folder, "_orig_mod.")
    for file in folder.glob("tokenizer*"):
        file.unlink()
    told = refusal(folder).splitlines()
    assert len(told) == 2
    assert "not in its files" in told[0]
    assert "tokenizer" in told[1]


def test_a_tokenizer_of_another_model_is_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    made = load_tokenizer(tiny_models["llama"].source)
    config = transformers.AutoConfig.from_pretrained(folder)
    config.vocab_size = len(made) - 5
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    told = refusal(folder)
    assert f"has 5 tokens beyond the model's {len(made) - 5} embeddings" in told


def test_a_padding_token_may_be_outside_of_the_embeddings(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["gpt2"], tmp_path)
    made = load_tokenizer(tiny_models["gpt2"].source)
    made.add_special_tokens({"pad_token": "[PAD]"})
    made.save_pretrained(folder)
    source = resolved(folder)
    assert source.masks is False
    own = load_tokenizer(source)
    assert pad_id(own) == len(own) - 1
    run = ForwardPass(load_model(source), "cpu", torch.float32, pad_id(own), [1])
    ids = [[5, 6, 7, 8, 9], [5, 6]]
    (both,), (alone,) = list(run.run(ids)), list(run.run(ids[1:]))
    assert torch.allclose(both.layers[0][1, :2], alone.layers[0][0], atol=1e-5)
    with pytest.raises(ValueError, match="its tokenizer is another model's"):
        list(run.run([[5, len(own) - 1]]))


def test_positions_of_roberta_are_not_all_for_tokens(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"hidden_size": WIDTH, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
    sizes |= {"num_attention_heads": 4, "intermediate_size": 48}
    config = transformers.RobertaConfig(max_position_embeddings=34, pad_token_id=1, **sizes)
    transformers.RobertaForMaskedLM(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    source = resolved(tmp_path)
    assert (source.kind, source.layers, source.longest) == ("encoder", 2, 32)
    model = load_model(source)
    model(torch.full((1, 32), 9))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, 33), 9))


def test_a_half_is_asked_for_where_there_are_two(tmp_path: Path) -> None:
    config = transformers.T5Config(
        vocab_size=VOCABULARY, d_model=32, d_kv=8, num_heads=4, d_ff=48, num_layers=2,
        num_decoder_layers=3,
    )  # fmt: skip
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    tokenizer().save_pretrained(tmp_path)
    assert "model.half" in refusal(tmp_path)
    found = {half: resolved(tmp_path, half=half) for half in ("encoder", "decoder")}
    assert [found[half].layers for half in ("encoder", "decoder")] == [2, 3]
    assert {source.kind for source in found.values()} == {"encoder-decoder"}


def test_a_half_is_refused_where_there_is_none(tiny_models: dict[str, TinyModel]) -> None:
    assert "has no halves" in refusal(tiny_models["llama"].folder, half="decoder")


@pytest.mark.parametrize("weights", ["pretrained", "random"])
def test_a_config_of_which_no_model_can_be_made_is_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path, weights: str
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    edited_config(folder, num_attention_heads=5, head_dim=None)
    told = refusal(folder, weights=weights)
    assert "model.name: " in told
    assert "config.json of " in told
    assert "5" in told
    edited_config(folder, num_attention_heads="4")
    told = refusal(folder, weights=weights)
    assert "config.json of" in told
    assert "num_attention_heads" in told


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_a_tokenizer_that_is_made_of_nothing_is_not_taken(
    tiny_models: dict[str, TinyModel], tmp_path: Path, name: str
) -> None:
    folder = copied(tiny_models[name], tmp_path)
    for file in folder.glob("*"):
        if file.name not in {"config.json", WEIGHTS}:
            file.unlink()
    # Transformers makes one for which every text is empty (GPT-2), or only [UNK] (BERT).
    assert "there is no tokenizer in model: of " in refusal(folder)


def test_weights_that_are_no_numbers_are_told(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    folder = copied(tiny_models["llama"], tmp_path)
    weights = load_file(folder / WEIGHTS)
    weights["model.norm.weight"] = torch.full_like(weights["model.norm.weight"], torch.nan)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    model = load_model(resolved(folder))
    with pytest.raises(ValueError, match="states that are no numbers"):
        probe(model)
