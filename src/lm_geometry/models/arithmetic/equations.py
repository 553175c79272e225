"""Every equation a o b = c of one operation, as token ids and as text, in the published order."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, TypedDict

import numpy as np

from lm_geometry.outs.data_prep import equations as section
from lm_geometry.point_cloud.shapes import Int64

Element = int | tuple[int, ...]

OPERATOR, EQUALS = "o", "="
SIGNS = 2  # token ids 0 and 1 are the two signs, and element e has the id e + 2
OPERANDS = (0, 2)  # positions of a and b in an equation


class SolvedColumns(TypedDict):
    """The columns of a corpus split of equations that a model learns from."""

    text: list[str]
    result: list[int]


class EquationColumns(SolvedColumns):
    """All columns of a corpus split of equations."""

    a: list[int]
    b: list[int]
    split: list[str]


@dataclass(frozen=True)
class Equations:
    """Some equations: token ids `[equations, 4]` of "a o b =", and results `[equations]`.

    A result is the number of its element in the vocabulary: for arithmetic modulo p the residue.
    """

    ids: Int64[np.ndarray, "equations 4"]
    results: Int64[np.ndarray, "equations"]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class DividedEquations:
    """The equations that are trained on and those that are not, each in the published order.

    `elements` are the texts of the elements by number. `seed` divided the equations, and the
    published batches are drawn on with the same generator.
    """

    elements: tuple[str, ...]
    train: Equations
    validation: Equations
    seed: int

    def columns(self, split: str) -> EquationColumns:
        """Rows of a corpus split (`train` or `validation`): text, a, b, result and split."""
        equations: Equations = getattr(self, split)
        texts = [decoded(ids, self.elements) for ids in equations.ids]
        a, b = (equations.ids[:, position] - SIGNS for position in OPERANDS)
        return {
            "text": texts,
            "a": a.tolist(),
            "b": b.tolist(),
            "result": equations.results.tolist(),
            "split": [split] * len(texts),
        }


def make_equations(settings: section.Equations) -> DividedEquations:
    """All equations of an operation, divided by `settings.seed`.

    Equation i·|B| + j has the i-th first and the j-th second operand. The list of their numbers is
    shuffled by `random.Random(seed)` and the first int(n·fraction) are trained on, as published
    for grokking by Ruppik et al. 2025, sec. 4.2. Raises ValueError where a part is empty.
    """
    first, second, vocabulary, operate = _operation(settings)
    number = {element: i for i, element in enumerate(vocabulary)}
    pairs = [(a, b, operate(a, b)) for a in first for b in second]
    found = np.array([[number[element] for element in pair] for pair in pairs], dtype=np.int64)
    order, _ = shuffled(len(pairs), settings.seed)
    cut = int(len(pairs) * settings.train_fraction)
    if not 0 < cut < len(pairs):
        raise ValueError(
            f"train_fraction: {settings.train_fraction} of {len(pairs)} equations leaves one of "
            "the two parts empty"
        )
    train, validation = (_equations(found[order[part]]) for part in (slice(cut), slice(cut, None)))
    elements = elements_of(settings.operation, settings.modulus)
    return DividedEquations(elements, train, validation, settings.seed)


def elements_of(operation: section.Operation, modulus: int | None) -> tuple[str, ...]:
    """Texts of an operation's elements by number: residues, or permutations such as `31204`."""
    if operation == "permutations":
        return tuple("".join(map(str, element)) for element in _permutations()[1])
    assert modulus is not None  # the section has one
    return tuple(map(str, range(modulus)))


def shuffled(count: int, seed: int) -> tuple[list[int], random.Random]:
    """The numbers below `count` in the published order, and the generator as it is after that."""
    generator = random.Random(seed)
    order = list(range(count))
    generator.shuffle(order)
    return order, generator


def encoded(texts: Sequence[str], elements: Sequence[str]) -> Int64[np.ndarray, "texts 4"]:
    """Token ids `[texts, 4]` of texts such as "3 o 5 ="; raises ValueError for any other text."""
    number = {text: i + SIGNS for i, text in enumerate(elements)}
    found = []
    for text in texts:
        words = text.split()
        operands = [number.get(word) for word in words[::2]]
        if words[1::2] != [OPERATOR, EQUALS] or len(words) != 4 or None in operands:
            raise ValueError(f'{text!r} is no equation such as "{elements[0]} o {elements[-1]} ="')
        found.append([operands[0], 0, operands[1], 1])
    return np.array(found, dtype=np.int64).reshape(-1, 4)


def decoded(ids: Sequence[int] | Int64[np.ndarray, "tokens"], elements: Sequence[str]) -> str:
    """The text of token ids."""
    return " ".join((OPERATOR, EQUALS, *elements)[i] for i in ids)


def from_columns(
    train: SolvedColumns,
    validation: SolvedColumns,
    elements: tuple[str, ...],
    seed: int,
) -> DividedEquations:
    """The divided equations of two corpus splits, as `DividedEquations.columns` gives them."""
    first, second = (
        Equations(encoded(part["text"], elements), np.array(part["result"], dtype=np.int64))
        for part in (train, validation)
    )
    return DividedEquations(elements, first, second, seed)


def _equations(found: Int64[np.ndarray, "equations 3"]) -> Equations:
    a, b, result = found.T
    operator, equals = np.zeros_like(a), np.ones_like(a)
    return Equations(np.stack([a + SIGNS, operator, b + SIGNS, equals], axis=1), result)


def _operation(
    settings: section.Equations,
) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any], Callable[[Any, Any], Element]]:
    """First operands, second operands, the vocabulary's elements, and the operation."""
    if settings.operation == "permutations":
        operands, vocabulary = _permutations()
        return operands, operands, vocabulary, lambda a, b: tuple(a[i] for i in b)
    p = settings.modulus
    assert p is not None  # the section has one
    operations: dict[str, Callable[[int, int], int]] = {
        "addition": lambda a, b: (a + b) % p,
        "subtraction": lambda a, b: (a - b) % p,
        "multiplication": lambda a, b: (a * b) % p,
        "division": lambda a, b: a * pow(b, -1, p) % p,
    }
    residues = range(p)
    second = range(1, p) if settings.operation == "division" else residues
    return residues, second, residues, operations[settings.operation]


def _permutations() -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """The elements of S5 as operands and as vocabulary, in the orders of the published code.

    It iterates over Python sets, whose order follows from the hashes of tuples: the same in every
    CPython since 3.8. The union is another set, and has an order of its own.
    """
    found = set(permutations(range(5)))
    return list(found), list(found.union(found))
