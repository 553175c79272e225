"""One call on any model: the pipeline's numbers, and a model that is left as it was."""

import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import lm_geometry
from lm_geometry.aggregate.cloud_estimates import CloudEstimates
from lm_geometry.aggregate.means import mean_rows
from lm_geometry.embed.run import embed
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.run import estimate
from lm_geometry.measure.call import measure
from lm_geometry.measure.texts import BLOCKS
from lm_geometry.measure.untouched import untouched
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.estimate.clouds import read_estimated, read_global, read_local
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.run import write_clouds
from tests.conftest import TinyModel
from tests.measure.words import documents
from tests.tokenised_texts import corpus_of, prepare_corpora, settings_of

TEXTS = documents(24)
EMBED = {"max_length": 20, "keep_tokens": 400, "loss": False, "layers": [0, 2, 3]}
CLOUDS = {"drop": ["bos", "eos", "massive"], "prepared": 200, "points": 150, "seeds": [0, 7]}
CLOUDS |= {"noise": 0.01}
ESTIMATE = {"estimators": ["twonn", "mle"], "n_neighbors": [8, 0.1]}
ESTIMATE |= {"exclude": ["document+token", "none"]}
SIGNALS = ["rankme", "alpha_req", "participation_ratio", "effective_rank", "mean_cosine"]
ESTIMATE |= {"signals": SIGNALS}
SMALL: Any = {"points": 150, "n_neighbors": [10], "max_length": 32}


def in_memory(tiny: TinyModel) -> tuple[Any, Any]:
    model = AutoModelForCausalLM.from_pretrained(tiny.folder)
    return model, AutoTokenizer.from_pretrained(tiny.folder)


@pytest.mark.parametrize("by_name", [True, False])
def test_numbers_are_those_of_the_pipeline_to_the_last_bit(
    tiny_models: dict[str, TinyModel], project: Path, by_name: bool
) -> None:
    tiny = tiny_models["llama"]
    prepare_corpora({"news": TEXTS})
    jackknife = {"groups": 5, "seed": 2}
    asked = settings_of(**EMBED)
    embed(tiny.source, asked, 3)
    write_clouds(TokenSample.model_validate(CLOUDS))
    estimate(Estimate.model_validate({**ESTIMATE, "jackknife": jackknife}))
    options: Any = {k: v for k, v in EMBED.items() if k not in ("loss", "layers")}
    options |= {**CLOUDS, **ESTIMATE, "jackknife": jackknife, "long_texts": "cut", "seed": 3}
    options |= {"corpus": "news", "split": "test"}
    model, tokenizer = in_memory(tiny)
    given: Any = str(tiny.folder) if by_name else model
    own = None if by_name else tokenizer
    found = measure(given, corpus_of(TEXTS), [0, 2, -1], tokenizer=own, **options)
    split = CorpusSplit("news", "test")
    tables = [
        read_local(Cloud("base", split, layer, seed), jackknife=True)
        for seed in (0, 7)
        for layer in (0, 2, 3)
    ]
    expected = pd.concat(tables, ignore_index=True)
    pd.testing.assert_frame_equal(
        found.estimates.drop(columns="document"), expected, check_exact=True
    )
    assert expected["without_0"].notna().any()
    assert found.table["clouds"].eq(2).all()
    assert found.table.loc[found.table["layer"] > 0, "error"].eq("jackknife").all()
    of_tokens = found.table[found.table["level"] == "token"]
    means = pd.DataFrame(mean_rows(found.estimates, 0.95))
    np.testing.assert_array_equal(of_tokens["mean"], means["mean"])
    whole = read_global()
    whole = whole[whole["estimator"].isin([*SIGNALS, "massive_tokens"])].reset_index(drop=True)
    assert whole["value"].notna().all()
    ours, theirs = (
        table.set_index(["sampling_seed", "layer", "estimator"]).sort_index()
        for table in (found.signals, whole)
    )
    pd.testing.assert_frame_equal(ours, theirs, check_exact=True, check_dtype=False)
    rows = CloudEstimates(whole, read_estimated()).means(0.95)
    columns = ["layer", "level", "exclude", "estimator", "mean", "lower", "upper", "error"]
    columns += ["standard_error", "degrees", "points", "clouds", "documents", "undefined"]
    pd.testing.assert_frame_equal(
        found.table.loc[found.table["level"] == "cloud", columns].reset_index(drop=True),
        pd.DataFrame(rows)[columns],
        check_exact=True,
    )


def test_a_model_in_memory_is_left_as_it_was(tiny_models: dict[str, TinyModel]) -> None:
    model, tokenizer = in_memory(tiny_models["llama"])
    model.train()
    model.model.layers[1].eval()  # flags differ from module to module
    tokenizer("a b c", truncation=True, max_length=2)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    flags = [module.training for module in model.modules()]
    attributes = [{**vars(module)} for module in model.modules()]
    hooks = [len(module._forward_hooks) for module in model.modules()]
    buffers = {name: id(buffer) for name, buffer in model.named_buffers()}
    drawn = torch.get_rng_state()
    threads, config = torch.get_num_threads(), model.config.to_dict()
    measure(model, TEXTS, [-1], tokenizer=tokenizer, **SMALL)
    assert [module.training for module in model.modules()] == flags
    assert [{**vars(module)} for module in model.modules()] == attributes
    assert [len(module._forward_hooks) for module in model.modules()] == hooks
    assert {name: id(buffer) for name, buffer in model.named_buffers()} == buffers
    assert all(torch.equal(weights[name], own) for name, own in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert (torch.get_num_threads(), model.config.to_dict()) == (threads, config)
    # What inference mode made is not left in the model: a step of training still works.
    model(**tokenizer(TEXTS[:1], return_tensors="pt"), use_cache=False).logits.sum().backward()


def test_what_a_pass_leaves_behind_is_taken_away() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(3))
    model[1].eval()
    before = model[1].running_mean
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    with untouched(model), torch.inference_mode():
        assert not model[0].training
        model[1].register_buffer("cache", torch.zeros(3))
        model[1].running_mean = torch.ones(3)
        model[0].lately = 3
        assert random.random() + np.random.rand() + float(torch.rand(1)) >= 0  # noqa: NPY002
        assert not torch.is_autocast_enabled("cpu")
    assert (model[0].training, model[1].training) == (True, False)
    assert model[1].running_mean is before
    assert not hasattr(model[0], "lately")
    assert not hasattr(model[1], "cache")
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_adapters_are_measured_and_wrappers_seen_through(
    tiny_models: dict[str, TinyModel],
) -> None:
    from peft import LoraConfig, get_peft_model

    model, tokenizer = in_memory(tiny_models["llama"])
    plain = measure(model, TEXTS, [-1], tokenizer=tokenizer, **SMALL)
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    adapted = get_peft_model(model, config)
    changed = measure(adapted, TEXTS, [-1], tokenizer=tokenizer, **SMALL)
    assert not changed.estimates["value"].equals(plain.estimates["value"])
    compiled = measure(torch.compile(adapted), TEXTS, [-1], tokenizer=tokenizer, **SMALL)
    pd.testing.assert_frame_equal(compiled.estimates, changed.estimates, check_exact=True)
    with adapted.disable_adapter():
        disabled = measure(adapted, TEXTS, [-1], tokenizer=tokenizer, **SMALL)
    pd.testing.assert_frame_equal(disabled.estimates, plain.estimates, check_exact=True)


def test_the_record_tells_what_was_left_out_and_over_what_intervals_are(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    file = tmp_path / "one.txt"
    file.write_text("\n".join(TEXTS))
    found = measure(str(tiny_models["bert"].folder), file, **SMALL)
    row = found.table.iloc[0]
    assert found.table["layer"].tolist() == [0, 0, 1, 1, 2, 2]
    tokens = found.text
    assert row["tokens"] == len(tokens)
    assert row["special_removed"] == (tokens["position"] == 0).sum()
    assert row["points"] + row["duplicates_removed"] <= row["tokens"] - row["special_removed"]
    assert row["lower"] < row["mean"] < row["upper"]
    assert BLOCKS in found.about["intervals"]
    assert found.text["document"].nunique() == row["documents"]
    # Nothing of a file is lost, however long its lines are.
    spelled = found.text.loc[found.text["special"] == "", "token"]
    pieces = AutoTokenizer.from_pretrained(tiny_models["bert"].folder).tokenize(file.read_text())
    assert spelled.tolist() == pieces
    tokens = found.tokens
    assert len(tokens) == len(found.estimates)
    assert (tokens["token"] == found.text["token"].to_numpy()[tokens["row"]]).all()
    page = found.save(tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert all(told.split(";")[0] in page for told in found.about.values())
    assert found.save(tmp_path / "again.html").read_text() == page


WRONG = [
    ({"n_neighbors": [5000]}, "L = 5000 needs more than 5000 points"),
    ({"exclude": ["none", "document"], "n_neighbors": [40]}, "exclude: document leaves a token"),
    ({"exclude": ["sequence"], "n_neighbors": [55]}, "exclude: sequence leaves a token only"),
    ({"exclude": ["token"], "n_neighbors": [60]}, "exclude: token leaves a token only"),
    ({"exclude": ["document"], "n_neighbors": [9]}, "exclude: document needs tokens of three"),
    ({"layers": [4]}, "there is no layer 4; there are 0 … 3"),
    ({"tokenizer": None}, "tokenizer: give that of"),
    ({"tokenizer": "bert"}, "is no tokenizer of transformers"),
    ({"texts": [" ", "\n"]}, "there is no text"),
    ({"texts": "the senate met"}, "give texts as a list"),
    ({"texts": "nowhere.txt"}, "nowhere.txt does not exist"),
    ({"n_neighbours": [3]}, "did you mean n_neighbors"),
    ({"model": torch.nn.Linear(2, 2)}, "Linear is no model of transformers"),
    ({"model": "no-such-model"}, "write hub:no-such-model"),
]


def test_a_layer_with_too_few_points_is_left_out_and_told(
    tiny_models: dict[str, TinyModel],
) -> None:
    """Of a few words there are a few points at layer 0, however often they stand in the texts."""
    folder = tiny_models["llama"].folder
    found = measure(folder, TEXTS, "all", **SMALL | {"n_neighbors": [28]})
    at_first = found.table.query("layer == 0")
    assert at_first["exclude"].tolist() == ["none"]
    points = at_first["points"].item()
    told = re.fullmatch(
        r"layer 0, exclude document: (\d+) other points, L = 28", found.about["not measured"]
    )
    assert told
    assert int(told[1]) < 28 < points
    assert set(found.table.query("exclude == 'document'")["layer"]) == {1, 2, 3}
    smaller = measure(folder, TEXTS, "all", **SMALL | {"n_neighbors": [int(told[1])]})
    assert "not measured" not in smaller.about
    with pytest.raises(ValueError, match="no layer has enough neighbours for L: layer 0, exclude"):
        measure(folder, TEXTS, [0], exclude=["document"], **SMALL | {"n_neighbors": [28]})


@pytest.mark.parametrize(("given", "told"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_input_is_told_before_any_text_is_passed(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch, given: Any, told: str
) -> None:
    from lm_geometry.measure import estimates

    monkeypatch.setattr(estimates, "states_of", lambda *_: pytest.fail("a text was passed"))
    model, tokenizer = in_memory(tiny_models["llama"])
    few = TEXTS[:2] if "exclude" in given else TEXTS
    asked: Any = {"model": model, "texts": few, "tokenizer": tokenizer, **SMALL, **given}
    with pytest.raises(ValueError, match=told):
        measure(**asked)


def test_a_tokenizer_of_another_model_is_refused(tiny_models: dict[str, TinyModel]) -> None:
    model, tokenizer = in_memory(tiny_models["llama"])
    tokenizer.add_tokens(["senate"])
    with pytest.raises(ValueError, match=r"model: .* its tokenizer is another model's"):
        measure(model, TEXTS, [-1], tokenizer=tokenizer, **SMALL)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_models_whose_states_would_be_others_are_refused(tiny_models: dict[str, TinyModel]) -> None:
    from peft import PromptTuningConfig, get_peft_model
    from transformers import T5Config, T5ForConditionalGeneration

    model, tokenizer = in_memory(tiny_models["llama"])
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    both = T5ForConditionalGeneration(T5Config(vocab_size=len(tokenizer), **sizes))
    with pytest.raises(ValueError, match=r"half: .* say whose states are read"):
        measure(both, TEXTS, tokenizer=tokenizer, **SMALL)
    halves = [
        measure(both, TEXTS, [-1], tokenizer=tokenizer, half=half, **SMALL)
        for half in ("encoder", "decoder")
    ]
    assert not halves[0].estimates["value"].equals(halves[1].estimates["value"])
    prompted = get_peft_model(
        model, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    )
    with pytest.raises(ValueError, match="learned prompts stand before every text"):
        measure(prompted, TEXTS, tokenizer=tokenizer, **SMALL)
    spread = type("DeepSpeedEngine", (torch.nn.Module,), {})()
    with pytest.raises(ValueError, match="DeepSpeedEngine is spread over processes"):
        measure(spread, TEXTS, tokenizer=tokenizer, **SMALL)


def test_the_public_name_is_the_function_whatever_was_imported_first() -> None:
    assert "lm_geometry.measure.call" in sys.modules
    assert lm_geometry.measure is measure
