"""Rules about a model that is no alias, once data-prep has looked at it."""

import json
from pathlib import Path
from typing import Any

from lm_geometry.params.agreement.resolved import read_resolved
from lm_geometry.params.check import ParamsError, check
from lm_geometry.workspace.section import ROOT, read_yaml

FACTS: dict[str, Any] = {
    "name": "mine", "label": "mine", "source": "hub:me/mine", "kind": "encoder", "layers": 3,
    "width": 32, "weights": "pretrained", "seed": 0, "longest": 100, "masks": True, "half": "",
}  # fmt: skip
SMALL = {"layers": [1, 3], "max_length": 64}


def told(facts: dict[str, Any], **changes: Any) -> str:
    """The errors of the default parameters with another model and other values of sections."""
    raw = read_yaml(ROOT / "params.yaml")
    raw["model"] |= {"name": "hub:me/mine"}
    raw["data_prep"]["prompts"]["count"] = 0
    raw["aggregate"]["layer"] = 3
    raw["embed"] |= SMALL
    raw["finetune"]["task"] = "none"
    for section, values in changes.items():
        raw[section] |= values
    models, corpora = (read_yaml(ROOT / "catalogue" / f"{f}.yaml") for f in ("models", "corpora"))
    try:
        check(raw, models, corpora, resolved=facts)
    except ParamsError as error:
        return str(error)
    return ""


def test_what_fits_the_model_is_no_error() -> None:
    assert told(FACTS) == ""
    assert told(FACTS, finetune={"task": "masked_lm", "block_tokens": 100}) == ""
    assert told({}) == ""


def test_depth_kind_and_longest_input_are_those_of_the_model() -> None:
    beyond = told(FACTS, embed={"layers": [4, 3]}, aggregate={"layer": 4})
    assert "has no layer 4" in beyond
    assert "aggregate.layer" not in beyond  # of layers that are wrong themselves
    assert "'causal_lm' does not fit" in told(FACTS, finetune={"task": "causal_lm"})
    assert "reads at most 100 tokens" in told(FACTS, embed={"max_length": 101})
    longer = {"task": "masked_lm", "block_tokens": 101}
    assert "finetune.block_tokens: 101" in told(FACTS, finetune=longer)
    maskless = FACTS | {"masks": False}
    assert "no mask token" in told(maskless, embed={"mode": "masked_token"})
    assert "masked_lm needs a mask" in told(maskless, finetune={"task": "masked_lm"})


def test_an_encoder_decoder_learns_to_write() -> None:
    both = FACTS | {"kind": "encoder-decoder", "half": "encoder"}
    model = {"half": "encoder"}
    fits = told(both, model=model, finetune={"task": "sequence_to_sequence"})
    assert "finetune.task" not in fits
    assert "does not fit" in told(both, model=model, finetune={"task": "masked_lm"})
    assert "model.half: null" in told(both)
    assert "has no halves" in told(FACTS, model=model)


def test_facts_of_another_model_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.json").write_text(json.dumps(FACTS))
    assert read_resolved({"model": {"name": "hub:me/mine"}}, tmp_path) == FACTS
    assert read_resolved({"model": {"name": "hub:me/mine", "half": "encoder"}}, tmp_path) == {}
    assert read_resolved({"model": {"name": "hub:me/other"}}, tmp_path) == {}
    aliases = {"mine": {"source": FACTS["source"]}, "other": {"source": "hub:me/other"}}
    assert read_resolved({"model": {"name": "mine"}}, tmp_path, aliases) == FACTS
    assert read_resolved({"model": {"name": "other"}}, tmp_path, aliases) == {}
