"""A table in lines that fit a terminal still tells its rows apart."""

import itertools

import numpy as np
import pandas as pd

from lm_geometry.revisions.narrow import narrowed


def test_estimates_of_gride_are_told_apart_by_their_scales() -> None:
    """Local estimates have n_neighbors and no scale; both columns and an interval do not fit."""
    sizes = [("twonn", 64.0, np.nan), *(("gride", np.nan, 2.0**k) for k in range(1, 9))]
    numbers = ["mean", "standard_error", "lower", "upper", "p_value", "adjusted_p_value"]
    rows = [
        {"corpus": corpus, "layer": 30, "level": "cloud", "exclude": reading}
        | {"estimator": estimator, "n_neighbors": size, "scale": scale, "checkpoint": checkpoint}
        | {name: -0.00123456 * (len(corpus) + place) for place, name in enumerate(numbers)}
        for corpus in ("early-speeches", "encyclopaedia")
        for reading in ("document", "none")
        for checkpoint in ("base", "80")
        for estimator, size, scale in sizes
    ]
    first, header, *lines = narrowed(pd.DataFrame(rows)).splitlines()
    assert first == "in all rows: layer 30, level cloud"
    names = header.split()
    assert names[:5] == ["corpus", "exclude", "estimator", "L/scale", "checkpoint"]
    assert {"mean", "lower", "upper"} <= set(names)
    assert max(map(len, [header, *lines])) <= 100
    keys = [tuple(line.split()[:5]) for line in lines[: len(rows)]]
    assert keys[:2] == [
        ("early-speeches", "document", "twonn", "64", "base"),
        ("early-speeches", "document", "gride", "2", "base"),
    ]
    assert len(set(keys)) == len(rows)


def test_columns_of_which_one_row_has_both_stay_two() -> None:
    table = pd.DataFrame({"n_neighbors": [64, 128], "scale": [2, 4], "mean": [1.0, 2.0]})
    assert narrowed(table).splitlines()[0].split() == ["n_neighbors", "scale", "mean"]


def test_a_value_is_never_hidden_for_its_keys() -> None:
    """Rows of each word stand under one another where a line cannot hold all words and numbers."""
    corpora = ["a-corpus-of-a-very-long-name", "another-corpus-of-a-longer-name"]
    rows = [
        {"corpus": corpus, "control": f"{other}-control", "method": method, "mean": value}
        for value, (corpus, other, method) in enumerate(
            itertools.product(corpora, corpora, ["pearson", "spearman"]), start=100
        )
    ]
    lines = narrowed(pd.DataFrame(rows).assign(lower=-1.5e-5), 70).splitlines()
    assert max(map(len, lines)) <= 70
    values = [int(word) for line in lines for word in line.split() if word.isdigit()]
    assert sorted(values) == list(range(100, 108))
    assert any(line.startswith("in these rows: control") for line in lines)


def test_a_single_row_that_is_too_wide_has_a_line_for_each_column() -> None:
    row = {f"words_{number}": f"{number} and more words" for number in range(9)} | {"mean": 1.25}
    lines = narrowed(pd.DataFrame([row]), 70).splitlines()
    assert [line.split()[0] for line in lines] == [*row]
    assert lines[-1].split() == ["mean", "1.25"]
