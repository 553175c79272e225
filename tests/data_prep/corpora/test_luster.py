"""Dialogues in one string a turn: which of their tokens each mask holds."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.luster import action_values, masks_of, segment
from lm_geometry.embed.token_columns import painted
from lm_geometry.embed.token_table import tokenise
from lm_geometry.models.load import load_tokenizer
from tests.conftest import TinyModel
from tests.tokenised_texts import settings_of

TURN = (
    "user : a river by the sea </s> system : which sea ? </s> user : the morning sea </s> "
    "state : sea name morning </s> database : clouds 3 </s> action : inform area sand ; "
    "inform name the sea ; request food ; nooffer choice 12 </s> "
    "system : There are 12 clouds over the sea , in sands and Sand .</s>"
)


def held(name: str, text: str = TURN) -> str:
    """The characters that a mask holds, by painting every one of them as a token."""
    flags = painted(masks_of(text)[name], [(i, i + 1) for i in range(len(text))])
    return "".join(c if flag else "|" for c, flag in zip(text, flags, strict=True)).strip("|")


def test_the_last_segment_of_each_label_is_masked() -> None:
    assert held("mask_state") == "sea name morning "
    assert held("mask_database") == "clouds 3 "
    assert held("mask_action").startswith("inform area sand ;")
    said = "There are 12 clouds over the sea , in sands and Sand ."
    assert held("mask_system_last") == said
    kept = re.sub(r"\|+", "|", held("mask_system_content"))
    assert kept == "12|the sea|sands|Sand"
    others = held("mask_system_noncontent")
    assert re.sub(r"\|+", "|", others) == "There are | clouds over | , in | and | ."
    assert segment("state : a", "action") is None
    assert segment("STATE: open end", "state") == (7, 15)


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("inform area centre ; inform price range cheap", ["centre", "cheap"]),
        ("inform area: Centre ; recommend area centre", ["Centre"]),
        ("request area", []),
        ("nooffer choice 18", ["18"]),
        ("inform there are choice 18 places", ["18"]),
        ("inform the old bell", ["the old bell"]),
        ("inform book people 3 ; book ref ab12cd", ["3", "ab12cd"]),
        ("bye", []),
        (" ; ", []),
    ],
)
def test_the_values_of_an_action(action: str, values: list[str]) -> None:
    assert list(action_values(action)) == values


@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_masks_are_columns_of_the_token_table(
    tmp_path: Path, tiny_models: dict[str, TinyModel], name: str
) -> None:
    (tmp_path / "turns.csv").write_text(f'source_target\n"{TURN}"\n"  no labels at all"\n')
    made: dict[str, Any] = {"source": f"file:{tmp_path}/turns.csv", "reader": "luster"}
    rows = reading.read(Corpus.model_validate(made), tmp_path)["train"]
    assert list(rows["text"]) == [TURN, "no labels at all"]
    tokenizer = load_tokenizer(tiny_models[name].source)
    generator = np.random.default_rng(0)
    found = tokenise(rows.to_pandas(), tokenizer, settings_of(), generator).kept  # pyright: ignore[reportArgumentType]
    flags = {column: found[column] for column in found if column.startswith("mask_")}
    assert set(flags) == set(masks_of(""))
    assert not any(flag[found["sequence"] == 1].any() for flag in flags.values())
    content, others = flags["mask_system_content"], flags["mask_system_noncontent"]
    assert not (content & others).any()
    assert ((content | others) == flags["mask_system_last"]).all()
    assert others.any()
    tokens = found[content]["token"].str.removeprefix("…").str.removeprefix("##")
    number = "[unk]" if name == "bert" else "12"  # which the word pieces of the test lack
    assert "".join(tokens).lower() == f"{number}theseasandssand"


@settings(max_examples=100)
@given(
    value=st.from_regex(r"[a-z]{2,6}", fullmatch=True),
    said=st.lists(st.from_regex(r"[a-z]{1,7}", fullmatch=True), max_size=8),
)
def test_every_whole_word_that_is_the_value_is_content(value: str, said: list[str]) -> None:
    text = f"action : inform area {value} </s> system : {' '.join(said)} </s>"
    expected = sum(word in (value, f"{value}s", f"{value}es") for word in said)
    assert len(masks_of(text)["mask_system_content"]) == expected
