"""Columns that params.yaml names are refused where a corpus that data-prep wrote lacks them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.embed.token_table import tokenise
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.corpora import CorpusSplit, EvaluatedCorpora
from lm_geometry.outs.embed.token_choice import masked
from lm_geometry.params.check import ParamsError, check
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.section import ROOT, read_yaml
from tests.conftest import TinyModel
from tests.tokenised_texts import settings_of

COLUMNS: dict[str, Any] = {
    "text": ["one two", "two three"],
    "document": ["a", "b"],
    "label": ["joy", "anger"],
    "year": [1900, 1901],
    "weight": [0.5, 1.5],
    "loud": [True, False],
    "mask_name": [[[0, 3, 1]], [[4, 9, 1]]],
    "words": [["one", "two"], ["two", "three"]],
    "tags": [["O", "O"], ["O", "B-x"]],
}


def described(root: Path, private: str = "", **others: Any) -> Path:
    """A project whose data-prep has written one compared corpus."""
    corpora = root / "data" / "corpora"
    split = CorpusSplit("mine", "validation")
    columns = {name: values for name, values in (COLUMNS | others).items() if values is not None}
    save(Dataset.from_dict(columns), split.folder(corpora))
    index = EvaluatedCorpora([CorpusSplit("mine", "validation", private)])
    write_json(corpora / "index.json", {"splits": [vars(s) for s in index.splits], "order": "x"})
    return root


def told(root: Path, is_prepared: bool = True, **sections: dict[str, Any]) -> list[str]:
    raw = read_yaml(ROOT / "params.yaml")
    for name, values in sections.items():
        raw[name] |= values
    models, corpora = (read_yaml(ROOT / "catalogue" / f"{f}.yaml") for f in ("models", "corpora"))
    try:
        check(raw, models, corpora, root, prepared=is_prepared)
    except ParamsError as error:
        return [line.removeprefix("params.yaml: ") for line in str(error).splitlines()]
    return []


@pytest.mark.parametrize("name", ["nosuch", "weight", "text", "document", "mask_name"])
def test_a_column_that_no_token_can_have_is_refused_with_those_that_one_can(
    tmp_path: Path, name: str
) -> None:
    (found,) = told(described(tmp_path), embed={"columns": ["year", name]})
    assert found == (
        f"embed.columns: {name!r} is no column of strings, whole numbers or booleans of corpus "
        "mine (validation); there are label, year, loud"
    )


@pytest.mark.parametrize("mask", ["nosuch", "label"])
def test_a_mask_that_is_no_column_of_truth_values_is_refused(tmp_path: Path, mask: str) -> None:
    (found,) = told(described(tmp_path), token_sample={"mask": mask})
    assert found.startswith(
        f"token_sample.mask: {mask!r} is no boolean column of corpus mine (validation); there are "
        "loud, mask_name."
    )


def test_values_are_asked_of_columns_that_tokens_have(tmp_path: Path) -> None:
    root = described(tmp_path)
    (year,) = told(root, token_sample={"mask": {"year": [1900]}})
    assert "has no column 'year' (embed.columns: [year] brings it)" in year
    (part,) = told(root, token_sample={"mask": {"part_of_speech": ["NN"]}})
    assert "(embed.tag_parts_of_speech: true makes it)" in part
    assert told(root, token_sample={"mask": {"label": ["joy"], "tag": ["O"]}}) == []
    both = {"embed": {"columns": ["year"]}, "token_sample": {"mask": {"year": [1900]}}}
    assert told(root, **both) == []
    (part,) = told(root, token_sample={"mask": {"part": ["text"]}})
    assert "has no column 'part'" in part
    assert (
        told(described(tmp_path, context=[["x"], []]), token_sample={"mask": {"part": ["text"]}})
        == []
    )


def test_ids_of_private_text_tell_no_tokens_apart(tmp_path: Path, monkeypatch: Any) -> None:
    open_text = described(tmp_path)
    assert told(open_text, estimate={"exclude": ["document+token"]}) == []
    folder = open_text / "data" / "corpora" / "mine" / "validation"
    monkeypatch.setattr(CorpusSplit, "folder", lambda *_: folder)
    root = described(tmp_path, private="0" * 16)
    (found,) = [
        line
        for line in told(
            root, estimate={"exclude": ["document+token"], "surrogates": {"kinds": []}}
        )
        if line.startswith("estimate.exclude")
    ]
    assert "document+token needs the ids of tokens" in found
    (found,) = told(root, token_sample={"mask": {"token": ["one"]}})
    assert "has no column 'token' (the text may not be passed on)" in found


def test_a_corpus_that_data_prep_has_not_written_is_not_judged(tmp_path: Path) -> None:
    wrong = {"embed": {"columns": ["nosuch"]}}
    assert told(tmp_path, **wrong) == []
    assert told(described(tmp_path), is_prepared=False, **wrong) == []


@pytest.mark.parametrize(
    "mask", ["loud", "mask_name", {"label": ["joy"]}, {"tag": ["O"]}, {"year": [1900]}]
)
def test_what_is_accepted_is_in_the_table_that_embed_makes(
    tmp_path: Path, tiny_models: dict[str, TinyModel], mask: Any
) -> None:
    columns = ["year"]
    root = described(tmp_path)
    assert told(root, embed={"columns": columns}, token_sample={"mask": mask}) == []
    corpus = Dataset.from_dict(COLUMNS).to_pandas()
    tokenizer = load_tokenizer(tiny_models["gpt2"].source)
    table = tokenise(corpus, tokenizer, settings_of(columns=columns), np.random.default_rng(0)).kept
    assert masked(table, mask).any()
