"""Two models on the same tokens: paired differences, and what cannot be paired."""

from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.measure.call import measure
from lm_geometry.measure.compared import compare
from tests.conftest import TinyModel
from tests.measure.words import documents

TEXTS = documents(24)
SMALL: Any = {"points": 150, "n_neighbors": [10], "max_length": 32, "exclude": ["document"]}


@pytest.fixture
def pair(tiny_models: dict[str, TinyModel]) -> tuple[Any, Any, Any]:
    """A model, one like it whose last block was changed, and their tokenizer."""
    one, other = (AutoModelForCausalLM.from_pretrained(tiny_models["llama"].folder) for _ in "ab")
    with torch.no_grad():
        other.model.layers[2].mlp.down_proj.weight.mul_(4)
    return one, other, AutoTokenizer.from_pretrained(tiny_models["llama"].folder)


def test_differences_are_means_over_the_tokens_that_both_kept(pair: Any) -> None:
    one, other, tokenizer = pair
    found = compare(one, other, TEXTS, [1, -1], tokenizer=tokenizer, **SMALL)
    assert found.table["layer"].tolist() == [1, 3]
    same, changed = found.table["mean"]
    assert same == 0  # what comes before the change
    key = ["layer", "sampling_seed", "row"]
    values = [own.estimates.set_index(key)["value"] for own in (found.one, found.other)]
    paired = (values[1] - values[0]).dropna().groupby("layer").mean()
    assert found.table["mean"].tolist() == pytest.approx(paired.tolist(), rel=1e-12)
    assert changed != 0
    row = found.table.iloc[1]
    assert row["lower"] < changed < row["upper"]
    # Pairing takes away what tokens and documents differ by.
    alone = found.one.table.iloc[1]
    assert row["upper"] - row["lower"] < 2 * (alone["upper"] - alone["lower"])


def test_each_side_is_what_it_is_by_itself(pair: Any) -> None:
    one, other, tokenizer = pair
    options = SMALL | {"drop": ["eos", "first"]}  # massive tokens are those of either
    found = compare(one, other, TEXTS, [-1], tokenizer=tokenizer, **options)
    alone = measure(other, TEXTS, [-1], tokenizer=tokenizer, jackknife=10, **options)
    np.testing.assert_array_equal(found.other.estimates["value"], alone.estimates["value"])
    assert found.other.table.equals(alone.table)


def test_what_cannot_be_paired_is_refused(tiny_models: dict[str, TinyModel], pair: Any) -> None:
    llama, bert, gpt2 = (str(tiny_models[name].folder) for name in ("llama", "bert", "gpt2"))
    with pytest.raises(ValueError, match="makes other tokens of the texts"):
        compare(llama, bert, TEXTS, [-1], **SMALL)
    tokenizer = AutoTokenizer.from_pretrained(gpt2)
    shallow = AutoModelForCausalLM.from_pretrained(gpt2)
    with pytest.raises(ValueError, match=r"layers: .* is read at \[3\], .* at \[2\]"):
        compare(pair[0], shallow, TEXTS, [-1], tokenizer=tokenizer, **SMALL)
