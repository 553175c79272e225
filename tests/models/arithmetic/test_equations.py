"""Equations and batches, against the published order written out once more."""

import random
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from lm_geometry.finetune.arithmetic.batches import (
    EVALUATION_DRAWS,
    Batches,
    Epochs,
    FullBatch,
    WithReplacement,
    make_batches,
)
from lm_geometry.models.arithmetic.equations import (
    DividedEquations,
    elements_of,
    encoded,
    from_columns,
    make_equations,
)
from lm_geometry.outs.data_prep.equations import Equations


def equations(**changes: Any) -> DividedEquations:
    return make_equations(Equations.model_validate({"modulus": 11, "seed": 46} | changes))


def numbers(made: DividedEquations) -> np.ndarray:
    """a, b and result of every equation."""
    ids = np.concatenate([made.train.ids, made.validation.ids])
    results = np.concatenate([made.train.results, made.validation.results])
    return np.stack([ids[:, 0] - 2, ids[:, 2] - 2, results], axis=1)


@pytest.mark.parametrize(("seed", "fraction"), [(46, 0.1), (50, 0.5), (42, 0.4)])
def test_a_seed_gives_the_published_split(seed: int, fraction: float) -> None:
    generator = random.Random(seed)
    pairs = list(range(197 * 197))
    generator.shuffle(pairs)
    made = equations(operation="addition", modulus=197, seed=seed, train_fraction=fraction)
    cut = int(38809 * fraction)
    assert (len(made.train), len(made.validation)) == (cut, 38809 - cut)
    expected = [[2 + pair // 197, 0, 2 + pair % 197, 1] for pair in pairs]
    assert made.train.ids.tolist() == expected[:cut]
    assert made.validation.ids.tolist() == expected[cut:]
    assert made.train.results.tolist() == [(p // 197 + p % 197) % 197 for p in pairs[:cut]]


@pytest.mark.parametrize(
    ("operation", "holds"),
    [
        ("addition", lambda a, b, c: (a + b - c) % 11 == 0),
        ("subtraction", lambda a, b, c: (c + b - a) % 11 == 0),
        ("multiplication", lambda a, b, c: (a * b - c) % 11 == 0),
        ("division", lambda a, b, c: (c * b - a) % 11 == 0),
    ],
)
def test_every_pair_stands_once_with_its_result(operation: str, holds: Any) -> None:
    a, b, c = numbers(equations(operation=operation)).T
    assert holds(a, b, c).all()
    assert set(c.tolist()) == set(range(11))
    divisors = range(1, 11) if operation == "division" else range(11)
    assert sorted(zip(a, b, strict=True)) == [(i, j) for i in range(11) for j in divisors]


def test_permutations_compose_as_functions_in_the_published_orders() -> None:
    made = equations(operation="permutations", modulus=None, train_fraction=0.5)
    perms = [tuple(map(int, text)) for text in made.elements]
    assert sorted(perms) == sorted(permutations(range(5)))
    found = numbers(made)
    assert len(found) == 120**2
    for a, b, c in found[::97]:
        assert perms[c] == tuple(perms[a][i] for i in perms[b])
    # Operands and vocabulary are two sets of the published code, each with its own order.
    operands = list(set(map(tuple, permutations(range(5)))))
    order = list(range(120**2))
    random.Random(46).shuffle(order)
    expected = [(operands[pair // 120], operands[pair % 120]) for pair in order]
    assert [(perms[a], perms[b]) for a, b, _ in found] == expected
    assert operands[:2] == [(3, 1, 2, 0, 4), (4, 1, 0, 2, 3)]
    union = set(operands).union(set(operands))
    assert set(union) == set(perms)


def test_text_and_ids_say_the_same() -> None:
    made = equations(operation="division")
    rows = made.columns("train")
    a, b, c = (rows[name] for name in ("a", "b", "result"))
    assert rows["text"] == [f"{x} o {y} =" for x, y in zip(a, b, strict=True)]
    assert all((z * y - x) % 11 == 0 for x, y, z in zip(a, b, c, strict=True))
    assert set(rows["split"]) == {"train"}
    assert (encoded(rows["text"], made.elements) == made.train.ids).all()
    again = from_columns(rows, made.columns("validation"), made.elements, made.seed)
    assert (again.validation.ids == made.validation.ids).all()
    assert (again.train.results == made.train.results).all()


@pytest.mark.parametrize(
    "text", ["3 o 11 =", "3 + 4 =", "3 o 4", "3 o = 4", "3 o 4 = 7", "o o o ="]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no equation"):
        encoded([text], elements_of("addition", 11))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"operation": "division", "modulus": 91}, "91 is not prime"),
        ({"operation": "permutations"}, "does not suit operation permutations: give null"),
        ({"modulus": None}, "give a whole number above 1"),
        ({"modulus": 1}, "modulus"),
        ({"train_fraction": 1.0}, "train_fraction"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        equations(**changes)


def test_a_part_must_not_be_empty() -> None:
    with pytest.raises(ValueError, match=r"train_fraction: 0.001 of 121 equations"):
        equations(train_fraction=0.001)


def test_batches_are_those_of_the_published_loop() -> None:
    made = equations(modulus=23)
    generator = random.Random(46)
    pairs = list(range(529))
    generator.shuffle(pairs)
    cut = len(made.train)
    expected = []
    for step in range(1, 26):
        expected.append([generator.choice(pairs[:cut]) for _ in range(64)])
        if step % 10 == 0:
            for _ in range(EVALUATION_DRAWS * 64):
                generator.choice(pairs[cut:])
    batches = WithReplacement(made, 64)
    rows = np.concatenate([batches.take(1), batches.take(12), batches.take(12)])
    ids = made.train.ids[rows] - 2
    assert (ids[..., 0] * 23 + ids[..., 2]).tolist() == expected


def test_an_epoch_has_every_equation_once_in_an_order_of_its_own() -> None:
    rows = Epochs(30, 12, seed=3).take(10).ravel()
    epochs = rows.reshape(4, 30)
    assert (np.sort(epochs) == np.arange(30)).all()
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 4
    assert (Epochs(30, 12, seed=4).take(10).ravel() != rows).any()


def test_a_full_batch_has_every_equation() -> None:
    assert (FullBatch(7).take(2) == [range(7), range(7)]).all()


@pytest.mark.parametrize("kind", ["replacement", "epochs", "full"])
def test_batches_go_on_from_their_state(kind: str) -> None:
    made = equations()

    def fresh() -> Batches:
        return make_batches(kind, made, 16, seed=1)

    whole = fresh().take(33)
    first = fresh()
    assert (first.take(17) == whole[:17]).all()
    resumed = fresh()
    resumed.restore(first.state())
    assert (resumed.take(16) == whole[17:]).all()
