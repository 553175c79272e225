"""Places in the blocks, measured by one call, one command and the callback."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.commands.cli import main
from lm_geometry.embed.run import embed
from lm_geometry.measure.call import measure
from lm_geometry.measure.callback import LocalDimensionCallback
from lm_geometry.measure.options import settings_of
from lm_geometry.outs.embed.hidden_states import read_embedded, read_states
from tests.conftest import TinyModel
from tests.measure.training import trained
from tests.measure.words import documents
from tests.tokenised_texts import corpus_of, prepare_corpora
from tests.tokenised_texts import settings_of as embed_settings

TEXTS = documents(16)
SMALL: Any = {"prepared": 120, "keep_tokens": 300, "n_neighbors": [10], "max_length": 32}
SMALL |= {"jackknife": 0}


def in_memory(tiny: TinyModel) -> tuple[Any, Any]:
    model = AutoModelForCausalLM.from_pretrained(tiny.folder)
    return model, AutoTokenizer.from_pretrained(tiny.folder)


def hooks_of(model: torch.nn.Module) -> list[int]:
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]


@pytest.mark.parametrize("where", ["attention", {"module": "model.layers.*.mlp.down_proj"}])
def test_it_is_measured_on_the_states_of_the_pipeline_and_no_hook_is_left(
    tiny_models: dict[str, TinyModel], project: Path, monkeypatch: pytest.MonkeyPatch, where: Any
) -> None:
    from lm_geometry.measure import call

    tiny, heard = tiny_models["llama"], []
    prepare_corpora({"texts": TEXTS})
    asked = {"points": where, "max_length": 32, "keep_tokens": 300, "layers": [1, 3]}
    embed(tiny.source, embed_settings(**asked), 0)
    estimated = call.estimated
    monkeypatch.setattr(call, "estimated", lambda s, *o: heard.append(s) or estimated(s, *o))
    model, tokenizer = in_memory(tiny)
    before = hooks_of(model)
    options = {"points": where, "split": "test", "long_texts": "cut", **SMALL}
    found = measure(model, corpus_of(TEXTS), [1, -1], tokenizer=tokenizer, **options)
    assert hooks_of(model) == before
    split = read_embedded().splits[0]
    for layer, states in heard[0]["base"].items():
        np.testing.assert_array_equal(states, read_states("base", split, layer))
    assert found.table["layer"].unique().tolist() == [1, 3]
    name = where if isinstance(where, str) else where["module"]
    assert set(found.table["states"]) == {name}
    assert found.about["states"].startswith(f"outputs of {name} (")
    options = {"where": where, "split": "test", "long_texts": "cut", **SMALL}
    again = measure(model, corpus_of(TEXTS), [1, -1], tokenizer=tokenizer, **options)
    pd.testing.assert_frame_equal(again.table, found.table, check_exact=True)


def test_points_that_are_a_number_are_n() -> None:
    assert settings_of({"points": 70}).token_sample.points == 70
    assert settings_of({"points": 70}).embed.points == "residual"
    both = settings_of({"points": 70, "where": "mlp"})
    assert (both.token_sample.points, both.embed.points) == (70, "mlp")
    place = settings_of({"points": "mlp"}, {"points": 50})
    assert (place.token_sample.points, place.embed.points) == (50, "mlp")
    with pytest.raises(ValueError, match="'mlp' is no number, and where is given"):
        settings_of({"points": "mlp", "where": "attention"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"layers": [0], "points": "attention"}, "no layer 0 in the outputs of attention"),
        ({"points": {"module": "model.layers.*.attn"}}, "where: no module is named"),
        ({"points": "neurons"}, "where: 'neurons' is not residual, attention, mlp or"),
    ],
)
def test_what_is_not_there_is_told(
    tiny_models: dict[str, TinyModel], given: dict[str, Any], told: str
) -> None:
    model, tokenizer = in_memory(tiny_models["llama"])
    before = hooks_of(model)
    with pytest.raises(ValueError, match=told):
        measure(model, TEXTS, tokenizer=tokenizer, **{**SMALL, **given})
    assert hooks_of(model) == before


def test_the_command_takes_it_by_both_names(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, text in enumerate(TEXTS):
        (tmp_path / f"{number}.txt").write_text(text)
    few = ["--n-neighbors", "8", "--max-length", "32", "--no-intervals", "--csv"]
    call = ["measure", str(tiny_models["gpt2"].folder), str(tmp_path), *few]
    printed = []
    for more in (["--points", "mlp"], ["--where", "module:transformer.h.*.mlp"]):
        main([*call, *more])
        printed.append(pd.read_csv(io.StringIO(capsys.readouterr().out)))
    one, other = printed
    assert one["layer"].unique().tolist() == [1, 2]
    assert set(one.pop("states")) == {"mlp"}
    assert set(other.pop("states")) == {"transformer.h.*.mlp"}
    pd.testing.assert_frame_equal(one, other)
    with pytest.raises(SystemExit) as told:
        main([*call, "--where", "neurons"])
    assert "'neurons'" in str(told.value)


def test_the_callback_reads_there_and_changes_nothing(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["llama"]
    own = {"points": "mlp", "every": 3, "budget": None, **SMALL, "exclude": ["none"]}
    watch = LocalDimensionCallback(TEXTS, layers=(1, -1), **own)
    _, without = trained(tiny.folder, tmp_path / "without", [])
    trainer, watched = trained(tiny.folder, tmp_path / "with", [watch])
    assert all(torch.equal(without[name], one) for name, one in watched.items())
    assert sum(hooks_of(trainer.model)) == 0
    assert [line["step"] for line in watch.history] == [0, 3, 6]
    _, tokenizer = in_memory(tiny)
    own["file"] = tmp_path / "with/local_dimension.jsonl"
    stream = LocalDimensionCallback(
        TEXTS, (1, -1), tokenizer=tokenizer, **(own | {"points": "attention"})
    )
    with pytest.raises(ValueError, match="not those that this training began with"):
        stream.step(trainer.model, 6)  # as if it went on from there
    del own["file"], own["points"]
    values = LocalDimensionCallback(TEXTS, (1, -1), tokenizer=tokenizer, **own).step(
        trainer.model, 6
    )
    assert values is not None
    last = watch.history[-1]
    assert values["local_dimension/layer_1"] != last["local_dimension/mlp/layer_1"]
    assert all(key == "step" or key.startswith("local_dimension/mlp/") for key in last)
    drawn = next(iter(watch.figure().to_dict()["datasets"].values()))
    assert {point["layer"] for point in drawn} == {"layer 1", "layer 3"}
