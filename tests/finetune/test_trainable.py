"""What is trained of models of different architectures: frozen modules, dropout, adapters."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig

from lm_geometry.finetune.adapters import with_adapters
from lm_geometry.finetune.dropout import dropout_changes
from lm_geometry.finetune.fine_tuning import finetune, make_task
from lm_geometry.finetune.params import Dropout, Finetune, Lora
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.load import load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.model import ModelSource
from tests.conftest import TEXTS, TinyModel

SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
SIZES: dict[str, dict[str, Any]] = {
    "roberta": SMALL | {"num_hidden_layers": 12, "max_position_embeddings": 64},
    "gpt2": {"n_embd": 16, "n_head": 2, "n_layer": 11, "n_positions": 64},
    "llama": SMALL | {"num_hidden_layers": 11, "tie_word_embeddings": False},
    "phi3": SMALL | {"num_hidden_layers": 11, "pad_token_id": 0, "num_key_value_heads": 1},
}
COLUMNS = {"text": TEXTS, "label": ["a", "b"] * 4}


@pytest.fixture(scope="module")
def untrained(
    tiny_models: dict[str, TinyModel], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, ModelSource]:
    """Configs of published architectures, small and without weights, with a tokenizer."""
    found = {}
    for kind, sizes in SIZES.items():
        folder = tmp_path_factory.mktemp("untrained") / kind
        like = tiny_models["bert" if kind == "roberta" else "gpt2"]
        tokenizer = load_tokenizer(like.source)
        config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **sizes)
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        found[kind] = replace(
            like.source, name=kind, source=f"file:{folder}", weights="random", width=16
        )
    return found


def model_of(source: ModelSource, **changes: Any) -> Any:
    task = "masked_lm" if source.kind == "encoder" else "causal_lm"
    settings = Finetune.model_validate({"task": task, "method": "full", **changes})
    with quiet_loading():
        made = make_task(settings, load_tokenizer(source), COLUMNS, COLUMNS)
        return trainable(source, settings, made)


def trained(model: Any) -> set[str]:
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


# --- freezing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "pattern", "frozen"),
    [
        ("roberta", "encoder.layer.1", "roberta.encoder.layer.1."),
        ("roberta", "layer.1", "roberta.encoder.layer.1."),
        ("roberta", "roberta.embeddings", "roberta.embeddings."),
        ("gpt2", "h.1", "transformer.h.1."),
        ("gpt2", "wte", "transformer.wte."),
        ("llama", "model.layers.1", "model.layers.1."),
        ("llama", "lm_head", "lm_head."),
        ("phi3", "layers.1.mlp", "model.layers.1.mlp."),
    ],
)
def test_exactly_the_named_module_is_frozen(
    untrained: dict[str, ModelSource], kind: str, pattern: str, frozen: str
) -> None:
    every = trained(model_of(untrained[kind]))
    left = trained(model_of(untrained[kind], freeze=[pattern]))
    assert every - left == {name for name in every if name.startswith(frozen)}
    assert every - left
    assert left


def test_patterns_match_within_a_part_of_a_path(untrained: dict[str, ModelSource]) -> None:
    source = untrained["roberta"]
    every = trained(model_of(source))
    left = trained(model_of(source, freeze=["encoder.layer.[0-5]", "LayerNorm"]))
    blocks = {name.split(".")[3] for name in every - left if ".attention.self." in name}
    assert blocks == {"0", "1", "2", "3", "4", "5"}
    assert {name for name in every if ".LayerNorm." in name} <= every - left
    assert "roberta.encoder.layer.10.attention.self.query.weight" in left


def test_a_head_can_be_frozen_without_the_embeddings_that_it_shares(
    untrained: dict[str, ModelSource],
) -> None:
    source = untrained["roberta"]
    gone = trained(model_of(source)) - trained(model_of(source, freeze=["lm_head"]))
    assert gone == {
        "lm_head.bias",
        "lm_head.dense.weight",
        "lm_head.dense.bias",
        "lm_head.layer_norm.weight",
        "lm_head.layer_norm.bias",
    }
    with pytest.raises(ValueError, match=r"'?lm_head'? has no weights.*transformer\.wte\.weight"):
        model_of(untrained["gpt2"], freeze=["lm_head"])


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("encoder.layers.3", r"no module 'encoder\.layers\.3'; did you mean 'encoder\.layer\.3'"),
        ("layer.12", r"no module 'layer\.12'; did you mean 'layer\.\d"),
        ("xyzzy", r"no module 'xyzzy'; its parts are roberta, lm_head"),
        ("*", "leave nothing to train"),
    ],
)
def test_names_that_a_model_does_not_have_are_told(
    untrained: dict[str, ModelSource], pattern: str, told: str
) -> None:
    with pytest.raises(ValueError, match=rf"finetune\.freeze: .*{told}"):
        model_of(untrained["roberta"], freeze=[pattern])


def test_frozen_modules_get_no_adapter(untrained: dict[str, ModelSource]) -> None:
    source = untrained["phi3"]
    lora = {"rank": 2, "modules": ["o_proj", "qkv_proj"], "rank_stabilised": True}
    asked = {"method": "lora", "lora": lora, "freeze": ["layers.1", "layers.2.self_attn.o_proj"]}
    adapted = {name.split(".lora_")[0] for name in trained(model_of(source, **asked))}
    blocks = [i for i in range(11) if i != 1]
    both = {(i, name) for i in blocks for name in ("o_proj", "qkv_proj")} - {(2, "o_proj")}
    prefix = "base_model.model.model.layers"
    assert adapted == {f"{prefix}.{i}.self_attn.{name}" for i, name in both}
    with pytest.raises(ValueError, match="leave no linear map to adapt"):
        model_of(source, **asked | {"freeze": ["layers.*"]})


@pytest.mark.parametrize(
    ("kind", "modules", "part"),
    [
        ("roberta", ["query", "key", "value"], "attention.self"),
        ("gpt2", ["c_attn"], "attn"),
        ("llama", ["o_proj", "q_proj", "k_proj", "v_proj"], "self_attn"),
    ],
)
def test_published_projections_are_adapted(
    untrained: dict[str, ModelSource], kind: str, modules: list[str], part: str
) -> None:
    lora = {"rank": 2, "modules": modules}
    names = trained(model_of(untrained[kind], method="lora", lora=lora))
    ends = {name.split(".lora_")[0].rpartition(".")[2] for name in names}
    assert ends == set(modules)
    assert all(f".{part}." in name for name in names)
    depth = 12 if kind == "roberta" else 11
    assert len(names) == 2 * depth * len(modules)


def test_a_weight_that_blocks_share_gets_no_adapters(
    untrained: dict[str, ModelSource], capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_model(untrained["llama"])
    blocks: Any = model.get_submodule("model.layers")
    blocks[3].mlp.up_proj.weight = blocks[1].mlp.up_proj.weight
    lora = Lora.model_validate({"rank": 2})
    with quiet_loading():
        adapted = with_adapters(model, lora, frozen=[], heads=[], seed=0)
    paths = {name.split(".lora_")[0] for name in trained(adapted)}
    ups = {int(path.split(".layers.")[1].split(".")[0]) for path in paths if "up_proj" in path}
    assert ups == set(range(11)) - {1, 3}
    assert len([path for path in paths if "down_proj" in path]) == 11
    assert (
        "no adapters at up_proj (2 maps): their weight is that of other" in capsys.readouterr().out
    )


def test_frozen_weights_stay_and_the_others_move(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    source = tiny_models["bert"].source
    given = {"task": "masked_lm", "method": "full", "steps": 2, "checkpoints": [2]}
    settings = Finetune.model_validate(
        {**given, "freeze": ["embeddings", "layer.0"], "block_tokens": 16, "warmup_steps": 0}
    )
    finetune(source, settings, COLUMNS, COLUMNS, tmp_path)
    before = load_model(source).state_dict()
    after = load_file(tmp_path / "checkpoints" / "2" / "model.safetensors")
    kept = {name for name, weight in after.items() if torch.equal(weight, before[name])}
    names = {name for name in after if ".embeddings." in name or ".layer.0." in name}
    assert names <= kept
    moved = set(after) - kept
    assert {name for name in after if ".layer.1." in name and "key.bias" not in name} <= moved
    assert "cls.predictions.transform.dense.weight" in moved


# --- dropout -----------------------------------------------------------------------------------


def probabilities(model: Any) -> dict[str, float]:
    """Every dropout of a model, by path; attention's is a number where it is no module."""
    found = {n: m.p for n, m in model.named_modules() if isinstance(m, torch.nn.Dropout)}
    for name, module in model.named_modules():
        if isinstance(value := getattr(module, "attention_dropout", None), float):
            found[f"{name}.attention_dropout"] = value
    return found


@pytest.mark.parametrize(
    ("kind", "dropout", "changed"),
    [
        ("roberta", "hidden", "layer.3.output.dropout"),
        ("roberta", "attention", "layer.3.attention.self.dropout"),
        ("gpt2", "hidden", "h.3.mlp.dropout"),
        ("gpt2", "attention", "h.3.attn.attn_dropout"),
        ("gpt2", "embedding", "transformer.drop"),
        ("llama", "attention", "layers.3.self_attn.attention_dropout"),
        ("phi3", "hidden", "layers.3.resid_mlp_dropout"),
        ("phi3", "attention", "layers.3.self_attn.attention_dropout"),
    ],
)
def test_dropout_is_overridden_where_it_acts(
    untrained: dict[str, ModelSource], kind: str, dropout: str, changed: str
) -> None:
    own = probabilities(model_of(untrained[kind]))
    with_it = probabilities(model_of(untrained[kind], dropout={dropout: 0.37}))
    differ = {name for name in own if own[name] != with_it[name]}
    assert {with_it[name] for name in differ} == {0.37}
    assert [name for name in differ if name.endswith(changed)]


def test_a_dropout_that_a_model_does_not_have_is_told(untrained: dict[str, ModelSource]) -> None:
    told = r"llama has no dropout 'hidden' in this task; there are attention \(attention_dropout\)"
    with pytest.raises(ValueError, match=told):
        model_of(untrained["llama"], dropout={"hidden": 0.1})
    with pytest.raises(ValueError, match="phi3 has no dropout 'embedding'"):
        model_of(untrained["phi3"], dropout={"embedding": 0.1})
    with pytest.raises(ValueError, match="llama has no dropout 'classifier' in this task"):
        model_of(untrained["llama"], task="sequence_classification", dropout={"classifier": 0.1})
    model = model_of(
        untrained["roberta"], task="sequence_classification", dropout={"classifier": 0.25}
    )
    assert model.classifier.dropout.p == 0.25


def test_null_leaves_the_models_own_dropout() -> None:
    config = AutoConfig.for_model("gpt2", resid_pdrop=0.05)
    assert dropout_changes(Dropout.model_validate({}), config, classifies=False) == {}
    zero = Dropout.model_validate({"hidden": 0.0, "embedding": 0.2})
    wanted = {"resid_pdrop": 0.0, "embd_pdrop": 0.2}
    assert dropout_changes(zero, config, classifies=False) == wanted


# --- heads of classes --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SIZES)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_every_architecture_has_a_head_of_classes(
    untrained: dict[str, ModelSource], kind: str, method: str
) -> None:
    source = untrained[kind]
    model = model_of(source, task="sequence_classification", method=method, lora={"rank": 2})
    assert model.config.id2label == {0: "a", 1: "b"}
    inner = model.get_base_model() if method == "lora" else model
    body = load_model(source).base_model.state_dict()
    found = {
        name.replace(".base_layer.", "."): w for name, w in inner.base_model.state_dict().items()
    }
    assert all(torch.equal(found[name], weight) for name, weight in body.items())
    head = [name for name in trained(model) if "classifier" in name or "score" in name]
    assert head
    if method == "lora":
        assert set(head) == {name for name in trained(model) if ".lora_" not in name}
