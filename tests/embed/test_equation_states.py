"""States of chosen tokens: equal to the plain pass, and byte-equal where they must be."""

import numpy as np
import pytest
import torch

from lm_geometry.embed.equation_states import POSITIONS, distinct_tokens, token_states
from lm_geometry.models.arithmetic.equations import make_equations
from lm_geometry.models.arithmetic.model import ArithmeticTransformer, make_model
from lm_geometry.models.arithmetic.params import Arithmetic
from lm_geometry.outs.data_prep.equations import Equations

IDS = make_equations(Equations.model_validate({"modulus": 13})).train.ids


@pytest.fixture
def model() -> ArithmeticTransformer:
    settings = {"width": 24, "heads": 3, "head_width": 8, "feed_forward": 40, "layers": 3}
    return make_model(Arithmetic.model_validate(settings), 13, seed=0)


def every_token() -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(len(IDS)), 4), np.tile(np.arange(4), len(IDS))


@pytest.mark.parametrize("at_once", [16, 67, 1000])
def test_states_are_those_of_the_plain_pass(model: ArithmeticTransformer, at_once: int) -> None:
    with torch.no_grad():
        plain = torch.stack(model.hidden_states(torch.from_numpy(IDS))).numpy()
    equations, positions = every_token()
    order = np.random.default_rng(0).permutation(len(equations))[:100]
    equations, positions = equations[order], positions[order]
    found = token_states(model, IDS, equations, positions, [1, 0, -1], at_once)
    expected = plain[np.array([1, 0, 3])[:, None], equations, positions]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("tokens", ["all", "operands"])
@pytest.mark.parametrize("at_once", [7, 64])
def test_exact_copies_are_those_with_the_same_beginning(
    model: ArithmeticTransformer, tokens: str, at_once: int
) -> None:
    equations, positions = every_token()
    wanted = np.isin(positions, POSITIONS[tokens])
    equations, positions = equations[wanted], positions[wanted]
    distinct = distinct_tokens(IDS, POSITIONS[tokens])
    assert len(distinct[0]) == {"all": 2 * 13 + 2 * len(IDS), "operands": 13 + len(IDS)}[tokens]
    for states in token_states(model, IDS, equations, positions, [1, 2, 3], at_once):
        _, first = np.unique(states, axis=0, return_index=True)
        kept = np.sort(first)
        assert (equations[kept] == distinct[0]).all()
        assert (positions[kept] == distinct[1]).all()


def test_an_unknown_layer_is_refused(model: ArithmeticTransformer) -> None:
    with pytest.raises(IndexError):
        token_states(model, IDS, *every_token(), [4])
