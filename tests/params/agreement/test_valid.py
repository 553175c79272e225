"""Sections that are wrong by themselves: no rule that asks for them tells anything."""

from pathlib import Path

import pytest

from lm_geometry.data_prep.params import Model
from lm_geometry.estimate.params import Estimate
from lm_geometry.finetune.params import Finetune
from lm_geometry.models.catalogue import ModelEntry
from lm_geometry.params.agreement import disagreements
from lm_geometry.params.agreement.valid import SectionNotValidError, ValidSections

MODELS = {
    name: ModelEntry.model_validate(
        {"source": "hub:a/b", "kind": kind, "layers": 2, "width": 4, "label": "L", "licence": "MIT"}
    )
    for name, kind in (("reads", "encoder"), ("writes", "decoder"))
}


def test_a_section_that_is_not_there_is_not_made_up() -> None:
    params = ValidSections.model_construct(None, model=Model.model_validate({"name": "reads"}))
    assert params.model.name == "reads"
    with pytest.raises(SectionNotValidError, match="estimate"):
        _ = params.estimate
    with pytest.raises(AttributeError, match="estimates") as raised:
        _ = params.estimates
    assert not isinstance(raised.value, SectionNotValidError)


def test_rules_that_have_their_sections_go_on() -> None:
    estimate = Estimate.model_validate({"estimators": ["twonn", "twonn"], "gride_range": 3})
    assert disagreements({"estimate": estimate}, MODELS, {}, Path()) == []
    model = Model.model_validate({"name": "unheard-of"})
    (told,) = disagreements({"estimate": estimate, "model": model}, MODELS, {}, Path())
    assert told.startswith("params.yaml: model.name: 'unheard-of' is not in")


@pytest.mark.parametrize(
    ("name", "task", "told"),
    [
        ("reads", "causal_lm", "an encoder: masked_lm"),
        ("writes", "masked_lm", "a decoder: causal_lm"),
    ],
)
def test_a_task_of_the_other_kind_of_model_is_told(name: str, task: str, told: str) -> None:
    finetune = Finetune.model_validate({"task": task, "steps": 4, "checkpoints": [4]})
    sections = {"model": Model.model_validate({"name": name}), "finetune": finetune}
    (found,) = disagreements(sections, MODELS, {}, Path())
    assert found == (
        f"params.yaml: finetune.task: '{task}' does not fit {name}, which is {told} "
        "(or language_modelling), a classification task or none"
    )
