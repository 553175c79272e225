"""Prompts beside clouds: the pipeline's numbers of each text, and texts that are too short."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.aggregate.prompts import prompt_tables
from lm_geometry.commands.cli import main
from lm_geometry.data_prep.params import DataPrep, Model, Prompts
from lm_geometry.data_prep.prompts.run import prepare_prompts
from lm_geometry.embed.params import Embed
from lm_geometry.embed.prompts.run import embed_prompts
from lm_geometry.estimate.prompts import estimate_prompts
from lm_geometry.measure.call import measure
from lm_geometry.measure.compared import compare
from lm_geometry.outs.estimate.prompts import read_geometry, read_quantity, read_reciprocity
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json
from tests.conftest import TinyModel
from tests.measure.words import documents

# Documents of one to three sequences; the second is shorter than a prompt.
ROWS = [
    (text, f"d{number}")
    for number in range(7)
    for text in documents(1 + number % 3, words=20 if number == 1 else 80, seed=number)
]
TEXTS = pd.DataFrame(ROWS, columns=["text", "document"])
FEW: Any = {"points": 150, "n_neighbors": [10], "max_length": 32, "jackknife": 0}
DRAWN: Any = {"count": 4, "tokens": 64, "shuffles": [0, 2], "seed": 5}
STATES: Any = {"gride_range": 16, "overlap_k": 7, "window": 2}


def by_stages(tiny: TinyModel, project: Path, layers: list[int]) -> None:
    """What the pipeline leaves of the texts as prompts."""
    TEXTS.to_json(project / "texts.jsonl", orient="records", lines=True)
    drawn = Prompts.model_validate({"corpus": f"file:{project / 'texts.jsonl'}", **DRAWN})
    model = Model.model_validate({"name": f"file:{tiny.folder}"})
    prepare_prompts(drawn, DataPrep.model_validate({}), model, 256)
    write_json(paths.CHECKPOINTS / "index.json", {"steps": [], "task": "none"})
    embed_prompts(tiny.source, Embed.model_validate({"prompts": {**STATES, "layers": layers}}))
    write_prompt_clouds()
    estimate_prompts()


def test_numbers_are_those_of_the_pipeline_to_the_last_bit(
    tiny_models: dict[str, TinyModel], project: Path
) -> None:
    tiny = tiny_models["llama"]
    by_stages(tiny, project, [0, 2, 3])
    options: Any = {**DRAWN, **STATES}
    found = measure(tiny.folder, TEXTS, [3, 0, 2], prompts=options, **FEW)
    for quantity in ("dimension", "overlap", "cosine", "angle"):
        expected = read_quantity(quantity).drop(columns=["model", "checkpoint", "corpus", "split"])
        ours = found.prompts.loc[found.prompts["quantity"] == quantity, expected.columns]
        assert expected["value"].notna().any()
        pd.testing.assert_frame_equal(
            ours.reset_index(drop=True), expected, check_exact=True, check_dtype=False
        )
    assert found.prompts["shuffle"].unique().tolist() == [0, 2]
    assert "d1" not in set(found.prompts["document"])
    assert found.prompts["document"].nunique() == 4
    means = prompt_tables(read_geometry(), read_reciprocity(), 0.95)["prompt_means"]
    rows = found.table[found.table["level"] == "prompt"]
    for estimator, quantity, key in (("gride", "dimension", "scale"), ("overlap", "overlap", "k")):
        own = rows[rows["estimator"] == estimator].set_index(["shuffle", "layer", "n_neighbors"])
        whole = means[means["quantity"] == quantity].set_index(["shuffle", "layer", key])
        assert set(own["clouds"]) == {4}
        columns = ["mean", "standard_deviation", "lower", "upper"]
        there = own[own["mean"].notna()]
        assert len(there) >= 2 * 2 * 2
        np.testing.assert_array_equal(there[columns], whole.loc[there.index, columns])


def test_prompts_stand_beside_what_is_measured_without_them(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    tiny = tiny_models["llama"]
    model = AutoModelForCausalLM.from_pretrained(tiny.folder)
    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)
    plain = measure(model, TEXTS, [-1], tokenizer=tokenizer, **FEW)
    found = measure(model, TEXTS, [-1], tokenizer=tokenizer, prompts={"tokens": 64}, **FEW)
    assert plain.prompts.empty
    clouds = found.table[found.table["level"] == "token"]
    pd.testing.assert_frame_equal(clouds[plain.table.columns], plain.table, check_dtype=False)
    assert found.estimates.equals(plain.estimates)
    # 64 tokens have 63 others: the largest rank is 32; of the one layer there is no next one.
    own = found.table[found.table["level"] == "prompt"]
    assert own["estimator"].tolist() == ["gride"] * 5 + ["mean_cosine", "angle"]
    assert own["n_neighbors"].dropna().tolist() == [2, 4, 8, 16, 32]
    assert found.settings["prompts"]["gride_range"] == 32
    assert "6 of 64 tokens each" in found.about["prompts"]
    assert "too short: d1 with" in found.about["prompts"]
    page = found.save(tmp_path / "page.html").read_text()
    assert "<td>gride</td>" in page
    assert found.about["prompts"] in page


def test_a_layer_of_too_few_distinct_tokens_says_what_is_missing(
    tiny_models: dict[str, TinyModel],
) -> None:
    """The embedding output has a point per different token, and these texts have few."""
    asked: Any = {"tokens": 64, "gride_range": 32}
    found = measure(tiny_models["llama"].folder, TEXTS, [0, 1], prompts=asked, **FEW).prompts
    first = found[(found["layer"] == 0) & (found["quantity"] == "dimension")]
    assert first["missing"].str.startswith("scales above ").all()
    assert first.loc[first["scale"] == 32, "value"].isna().all()
    assert found.loc[found["layer"] == 1, "missing"].eq("").all()


WRONG = [
    (
        {"tokens": 256, "gride_range": 64},
        r"no document has the 256 tokens, of .* \(d\d with 2\d\d,",
    ),
    ({"tokens": 128, "gride_range": 128}, "gride_range = 128 needs as many neighbours"),
    ({"tokens": 64, "gride_range": 64, "window": 9}, "one of 64 tokens has 47 that count"),
    ({"tokens": 4096}, "prompts: tokens = 4,096, and llama reads .* at most"),
    ({"tokens": 64, "count": 7}, "prompts: count: 7 prompts were asked for, and 6 texts"),
    ({"tokens": 64, "count": 0}, "prompts: count is 0: a number of them"),
    ({"tokens": 64, "shuffles": [4]}, "shuffles: 4 makes 256 blocks, and tokens = 64"),
    ({"tokens": 64, "shuffle": [1]}, "prompts: shuffle is no option: did you mean shuffles"),
    ({"tokens": 64, "corpus": "news"}, "prompts: corpus is no option"),
]


@pytest.mark.parametrize(("asked", "told"), WRONG, ids=lambda value: str(value)[:40])
def test_what_cannot_be_asked_of_prompts_is_told_before_any_text_is_passed(
    tiny_models: dict[str, TinyModel], monkeypatch: pytest.MonkeyPatch, asked: Any, told: str
) -> None:
    from lm_geometry.measure import call

    monkeypatch.setattr(call, "states_of", lambda *_: pytest.fail("a text was passed"))
    with pytest.raises(ValueError, match=told):
        measure(tiny_models["llama"].folder, TEXTS, [-1], prompts=asked, **FEW)


def test_two_models_have_no_prompts(tiny_models: dict[str, TinyModel]) -> None:
    folder, asked = str(tiny_models["llama"].folder), {"prompts": True}
    with pytest.raises(ValueError, match="prompts: they are of one model as it is: see measure"):
        compare(folder, folder, TEXTS, [-1], **asked, **FEW)


def test_the_command_prints_their_means(
    tiny_models: dict[str, TinyModel], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, own in TEXTS.groupby("document"):
        (tmp_path / f"{name}.txt").write_text("\n\n".join(own["text"]))
    words = [str(tiny_models["llama"].folder), str(tmp_path), "--layers", "1", "-1", "--csv"]
    words += ["--n-neighbors", "10", "--max-length", "32", "--points", "150"]
    main(["measure", *words, "--prompt-tokens", "64", "--shuffles", "0", "3"])
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    own = table[table["level"] == "prompt"]
    assert own.groupby("estimator").size().to_dict() == {
        "angle": 4,
        "gride": 20,
        "mean_cosine": 4,
        "overlap": 2 * 3,  # of two layers one pair, k = 1, 4 and 31
    }
    assert own["documents"].eq(6).all()
    main(["measure", *words, "--prompts", "--prompt-tokens", "64"])
    again = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert again.loc[again["level"] == "prompt", "shuffle"].eq(0).all()
    with pytest.raises(SystemExit, match="2"):
        main(["measure", *words, "--prompts", "--compare", words[0]])
    assert "--prompts is not allowed with --compare" in capsys.readouterr().err
