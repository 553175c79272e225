"""params.yaml for modular arithmetic: what belongs together, and what its training knows."""

from pathlib import Path
from typing import Any

import pytest

from lm_geometry.params.check import check_project
from tests.params.test_check import errors_of, project_with

ARITHMETIC: dict[str, Any] = {
    "model__name": "modular-arithmetic",
    "model__weights": "random",
    "data_prep__train": "equations",
    "data_prep__evaluate": ["equations"],
    "data_prep__splits": ["train", "validation"],
    "data_prep__sequences": "all",
    "data_prep__train_sequences": "all",
    "data_prep__prompts__count": 0,
    "finetune__task": "modular_arithmetic",
    "finetune__method": "full",
    "embed__layers": [1, 2],
    "aggregate__layer": 2,
}


def test_there_is_no_text_for_prompts(tmp_path: Path) -> None:
    found = errors_of(tmp_path, **ARITHMETIC | {"data_prep__prompts__count": 4})
    assert found == ["params.yaml: data_prep.prompts.count: 4: modular_arithmetic reads no text: 0"]


def test_checkpoints_may_be_told_in_words(tmp_path: Path) -> None:
    changed = ARITHMETIC | {"finetune__checkpoints": "every 20"}
    params = check_project(project_with(tmp_path, **changed))
    assert params.finetune.known_checkpoints() == [20, 40, 60, 80]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model__name": "smollm2"},
            "model.name: smollm2 does not go with modular_arithmetic: give modular-arithmetic",
        ),
        (
            {"finetune__task": "causal_lm"},
            "finetune.task: causal_lm does not go with modular-arithmetic: give modular_arithmetic",
        ),
        (
            {"data_prep__train": "news"},
            "data_prep.train: news does not go with modular_arithmetic: give equations",
        ),
        (
            {"data_prep__evaluate": ["equations", "news"]},
            "data_prep.evaluate: [equations, news]: equations are studied alone",
        ),
        ({"model__weights": "pretrained"}, "model.weights: pretrained: modular-arithmetic is"),
        ({"data_prep__sequences": 96}, "data_prep.sequences: 96: modular_arithmetic needs every"),
        ({"data_prep__context": 2}, "data_prep.context: 2: equations have no turns: 0"),
        (
            {"data_prep__keep": "labelled"},
            "data_prep.keep: modular_arithmetic needs every",
        ),
        ({"data_prep__splits": ["test"]}, "data_prep.splits: equations have no split test"),
        ({"data_prep__equations__modulus": 12, "data_prep__equations__operation": "division"}, ""),
        ({"finetune__method": "lora"}, "finetune.method: lora does not suit task modular_arith"),
        ({"finetune__precision": "float16"}, "finetune.precision: float16 does not suit task"),
        ({"finetune__schedule": "cosine"}, "constant, constant_with_warmup, linear"),
        ({"finetune__accumulate": 2}, "finetune.accumulate: 2 does not suit task"),
        ({"finetune__freeze": ["blocks"]}, "finetune.freeze: ['blocks'] does not suit task"),
        ({"finetune__score": ["validation", "train"]}, "does not suit task"),
        ({"finetune__dropout__hidden": 0.1}, "has finetune.arithmetic.dropout: null"),
        ({"finetune__steps": 400_000}, "evaluate_every: 50 measures 400,000 steps 8,000 times"),
        ({"finetune__checkpoints": "every so"}, "finetune.checkpoints.0: 'every so' is not valid"),
        ({"embed__layers": [2, 3]}, "embed.layers: modular-arithmetic has no layer 3"),
        ({"finetune__arithmetic__layers": 1}, "modular-arithmetic has no layer 2"),
        ({"embed__mode": "masked_token"}, "embed.mode: masked_token needs a masked language"),
        ({"embed__points": "mlp"}, "embed.points: mlp: of modular-arithmetic the stream alone"),
        ({"embed__dtype": "bfloat16"}, "embed.dtype: bfloat16: states of modular-arithmetic"),
        ({"embed__max_length": 3}, "embed.max_length: 3: an equation has 4 tokens"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, changes: dict, sentence: str) -> None:
    told = "\n".join(errors_of(tmp_path, **(ARITHMETIC | changes)))
    assert sentence in told
    if not sentence:
        assert "modulus: 12 is not prime" in told


def test_other_tasks_learn_no_equations(tmp_path: Path) -> None:
    told = errors_of(tmp_path, data_prep__evaluate=["equations"])
    assert any("data_prep.train: early-speeches does not go with [equations]" in t for t in told)
