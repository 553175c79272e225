"""What is known to fail, or never to end, in a later stage is refused at the check."""

import pytest

from lm_geometry.params.agreement import RULES, bounds
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

GIVEN = read_yaml(ROOT / "params.yaml")


def told(name: str, value: object) -> list[str]:
    """What the rules of bounds say of the shipped parameters with one other value."""
    *sections, key = name.split(".")
    raw = inner = {**GIVEN}
    for section in sections:
        given = inner.get(section)
        inner[section] = {**given} if isinstance(given, dict) else {}  # `none`: by its defaults
        inner = inner[section]
    inner[key] = value
    if key == "epochs":  # in place of steps
        inner["steps"] = None
    params, catalogue = Params.of(raw), Catalogue({}, {}, ROOT)
    rules = [rule for rule in RULES if rule.__module__ == bounds.__name__]
    assert len(rules) == 4
    return [sentence for rule in rules for sentence in rule(params, catalogue)]


SEEDS = [
    *("data_prep.seed", "data_prep.split_seed", "data_prep.prompts.seed", "finetune.seed"),
    *("token_sample.noise_seed", "estimate.jackknife.seed", "aggregate.bootstrap.seed"),
    "aggregate.clusters.seed",
]


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_are_those_of_all_libraries(name: str) -> None:
    assert told(name, 2**32 - 1) == []
    assert told(name, 2**32) == [
        f"{name}: 4294967296 is not a seed: a whole number from 0 to 4294967295 (2**32 - 1)"
    ]


def test_seeds_of_clouds_are_checked_one_by_one() -> None:
    (sentence,) = told("token_sample.seeds", [0, 2**32])
    assert sentence.startswith("token_sample.seeds: 4294967296 is not a seed")


@pytest.mark.parametrize("name", bounds.MOST)
def test_numbers_have_bounds(name: str) -> None:
    most = bounds.MOST[name]
    fitting, beyond = (most, 2 * most)
    if name.endswith(("counts", "n_neighbors")):
        fitting, beyond = [most], [1, 2 * most]
    if isinstance(most, float) or name.endswith("epochs"):
        fitting, beyond = float(most), float(2 * most)
    assert told(name, fitting) == []
    (sentence,) = told(name, beyond)
    assert sentence == f"{name}: {2 * most:g} is too large: at most {most:,}"


def test_constants_are_those_of_the_rule() -> None:
    assert told("estimate.lpca.constants", {"alpha": 0.1}) == []
    assert told("estimate.lpca.constants", {"a": 1.0}) == [
        "estimate.lpca.constants: rule FO has no a: its constants are alpha"
    ]
    assert told("estimate.lpca", {"rule": "Kaiser", "constants": {"alpha": 0.1}}) == [
        "estimate.lpca.constants: rule Kaiser has no alpha: it has no constants"
    ]


def test_no_more_neighbours_are_kept_than_there_are_tokens() -> None:
    assert told("embed.prompts.overlap_k", 1024) == []
    (sentence,) = told("embed.prompts.overlap_k", 1025)
    assert "embed.prompts.overlap_k: 1025 neighbours are more than a prompt has tokens" in sentence
