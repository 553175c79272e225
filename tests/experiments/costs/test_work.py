"""What a run has to do, against what the default study is known to have done."""

from typing import Any

import pytest

from lm_geometry.experiments.costs.work import NotCountedError, Work, counted
from lm_geometry.experiments.experiment import Project
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import ROOT, read_yaml

DEPTH = 30  # of smollm2


def work(**changes: Any) -> Work:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return counted(Params.of(Project.read().params_of(named)), DEPTH)


def test_the_default_study_is_what_it_is_known_to_be() -> None:
    found = work()
    assert (found.steps, found.step_tokens, found.kept) == (80, 4 * 128, 4)
    assert found.scored_tokens == 5 * 16 * 128  # at base, too
    assert (found.checkpoints, found.layers, found.clouds) == (5, 8, 5 * 2 * 8)
    assert found.points == 6000  # of 96 x 63 tokens, the first of each sequence left out
    assert found.passed_tokens == found.stored_tokens == 2 * 96 * 64
    assert found.surrogates == 80  # as docs/decisions.md has it
    assert (found.prompt_models, found.prompts, found.prompt_layers) == (1, 4 * 2, 31)


def test_the_quick_one_has_less_of_everything() -> None:
    quick = {
        key.replace(".", "__"): v for key, v in read_yaml(ROOT / "examples/quick.yaml").items()
    }
    found = work(**quick)
    assert (found.steps, found.kept, found.checkpoints, found.clouds) == (6, 1, 2, 16)
    assert found.stored_tokens == 2048  # as its embed prints
    assert found.points == 1000
    assert (found.prompts, found.prompt_models, found.surrogates) == (0, 0, 8)


def test_without_training_all_rows_are_one_split_of_one_checkpoint() -> None:
    found = work(finetune__task="none")
    assert (found.steps, found.kept, found.scored_tokens, found.checkpoints) == (0, 0, 0, 1)
    assert found.clouds == 2 * 8


def test_masked_tokens_are_a_pass_each_and_short_corpora_bound_clouds() -> None:
    assert work(embed__mode="masked_token").passed_tokens == 64 * 2 * 96 * 64
    assert work(data_prep__sequences=10).points == 10 * 63
    assert work(token_sample__seeds=[0, 1]).clouds == 160
    assert work(estimate__surrogates__layers="all").surrogates == 80 * 8
    assert work(embed__combine_layers="mean").clouds == 10


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data_prep__sequences": "all"}, "data_prep.sequences is all"),
        ({"finetune__epochs": 2.0, "finetune__steps": None}, "finetune.epochs"),
        ({"finetune__checkpoints": ["0.5 epochs"]}, "finetune.checkpoints in epochs"),
        ({"data_prep__prompts__count": "all"}, "data_prep.prompts.count is all"),
        ({"finetune__task": "modular_arithmetic"}, "learns equations"),
    ],
)
def test_what_the_texts_alone_tell_is_not_guessed(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(NotCountedError, match=told):
        work(**changes)
