"""The disk that a study is told to take, against arrays of those shapes."""

from typing import Any

import numpy as np
import pytest

from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.params.sections import Params
from lm_geometry.studies.definition import read_study
from lm_geometry.studies.grid import experiments
from lm_geometry.studies.needs import (
    Sizes,
    checkpoints_of_equations,
    disk_told,
    hidden_states,
    prompt_records,
    sizes_in,
)

EQUATIONS: dict[str, Any] = {
    "model.name": "modular-arithmetic",
    "model.weights": "random",
    "data_prep.prompts.count": 0,
    "data_prep.train": "equations",
    "data_prep.evaluate": ["equations"],
    "data_prep.splits": ["train", "validation"],
    "data_prep.sequences": "all",
    "finetune.task": "modular_arithmetic",
    "finetune.steps": 2000,
    "finetune.checkpoints": "every 500",
    "embed.layers": [1, 2],
    "embed.keep_tokens": 3000,
}


def params(**changes: Any) -> tuple[Params, Sizes | None]:
    """Parameters of a study of equations with other values, and what is known of their model."""
    named = {key.replace("__", "."): value for key, value in changes.items()}
    project = Project.read()
    found = Params.of(project.params_of(EQUATIONS | named))
    return found, sizes_in(project, found)


def bytes_of(*shape: int) -> int:
    return np.empty(shape, np.float32).nbytes


def test_states_of_every_checkpoint_split_and_layer_are_counted() -> None:
    assert hidden_states(*params()) == bytes_of(5, 2, 2, 3000, 128)
    chosen = {"embed__checkpoints": [500, 2000], "embed__combine_layers": "mean"}
    assert hidden_states(*params(**chosen)) == bytes_of(3, 2, 1, 3000, 128)
    assert hidden_states(*params(finetune__arithmetic__width=32)) == bytes_of(5, 2, 2, 3000, 32)
    assert hidden_states(*params(embed__keep_tokens="all")) is None


def test_short_corpora_bound_the_tokens() -> None:
    few = {"model__name": "smollm2", "finetune__task": "none", "data_prep__sequences": 8}
    found = hidden_states(*params(**few, embed__layers="all", embed__max_length=100))
    assert found == bytes_of(1, 2, 31, 800, 576)
    assert hidden_states(*params(**few | {"model__name": "hub:a/b"})) is None


def test_a_prompts_token_takes_98_bytes_a_layer() -> None:
    own = {"model__name": "smollm2", "finetune__task": "none", "data_prep__prompts__tokens": 1024}
    own |= {"data_prep__prompts__count": 50, "data_prep__prompts__shuffles": [0, 1, 2, 3, 4, 5]}
    assert prompt_records(*params(**own)) == 50 * 6 * 31 * 1024 * 98
    fine_tuned = own | {"finetune__task": "causal_lm", "embed__prompts__checkpoints": "all"}
    assert prompt_records(*params(**fine_tuned)) == 5 * 50 * 6 * 31 * 1024 * 98
    assert prompt_records(*params(**own | {"data_prep__prompts__count": "all"})) is None


def test_checkpoints_of_equations_are_weights_alone() -> None:
    published = {"data_prep__equations__modulus": 197}
    assert checkpoints_of_equations(*params(**published)) == 4 * 448_325 * 5
    other = params(model__name="smollm2", finetune__task="causal_lm")
    assert checkpoints_of_equations(*other) == 0


def test_the_published_grid_needs_110_gigabytes_of_states() -> None:
    # Of every token it would be terabytes.
    found = experiments("grokking_published", read_study("grokking_published"))
    assert len(found) == 45
    size = hidden_states(*params(**found[0].overrides))
    assert size is not None
    assert size == bytes_of(801, 2, 3000, 128)
    assert size * 45 == pytest.approx(110.7e9, rel=1e-3)
    assert 45 * 801 * bytes_of(4 * 197**2, 128) > 2e12


def test_what_experiments_share_is_counted_once() -> None:
    shared = [Experiment(f"L-{n}", EQUATIONS | {"estimate.n_neighbors": [n]}) for n in (32, 64)]
    one = f"{bytes_of(5, 2, 2, 3000, 128) / 1e6:.1f} MB"
    assert disk_told(shared) == f"disk: hidden states at most {one}; checkpoints 8.5 MB"
    other = Experiment("seed", EQUATIONS | {"finetune.seed": 1})
    both = f"{bytes_of(5, 2, 2, 3000, 128) * 2 / 1e6:.1f} MB"
    assert disk_told([*shared, other]).startswith(
        f"disk: hidden states at most {both} ({one} for one experiment)"
    )
    assert disk_told([Experiment("all", EQUATIONS | {"embed.keep_tokens": "all"})]) == (
        "disk: checkpoints 8.5 MB"
    )
