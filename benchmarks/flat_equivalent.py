"""How far `flat_equivalent` is from the dimension of manifolds that its table was not made of.

    python benchmarks/flat_equivalent.py

Raw mean local TwoNN and flat-equivalent dimension of clouds of 2,000 points at L = 128: the
manifolds of scikit-dimension's benchmark that are neither flat nor a sphere, and our own in 576
coordinates; smooth ones again with noise of 2 % of the cloud's size. A row each goes to
flat_equivalent.csv, what is left of the errors in each set of them to flat_equivalent_errors.csv.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skdim.datasets import BenchmarkManifolds

from lm_geometry.dimension.flat_equivalent import flat_equivalent
from lm_geometry.dimension.twonn import local_from_graph
from lm_geometry.neighbours import neighbour_graph
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row

RESULTS = Path(__file__).with_name("flat_equivalent.csv")
ERRORS = Path(__file__).with_name("flat_equivalent_errors.csv")
TOKENS, SIZE, WIDTH, NOISE = 2000, 128, 576, 0.02
THEIRS = (  # those of two dimensions and more that are neither flat nor a sphere
    *("M3_Nonlinear_4to6", "M4_Nonlinear", "M5b_Helix2d", "M6_Nonlinear", "M7_Roll"),
    *("M8_Nonlinear", "M11_Moebius", "M13a_Scurve", "Mbeta", "Mn1_Nonlinear", "Mn2_Nonlinear"),
    *("Mp1_Paraboloid", "Mp2_Paraboloid", "Mp3_Paraboloid"),
)
STRONG = "strongly curved"
Points = NDArray[np.float64]


def sine(d: int, frequency: float, rng: np.random.Generator) -> Points:
    """A cube whose coordinates go into 576 sines of about so many radians across."""
    waves = rng.standard_normal((d, WIDTH)) * frequency / np.sqrt(d)
    return np.sin(rng.random((TOKENS, d)) @ waves + 2 * np.pi * rng.random(WIDTH))


def roll(d: int, rng: np.random.Generator) -> Points:
    """A Swiss roll times a cube of d − 2 dimensions."""
    turn = 1.5 * np.pi * (1 + 2 * rng.random(TOKENS))
    cube = 20 * rng.random((TOKENS, d - 1))
    return np.column_stack([turn * np.cos(turn), turn * np.sin(turn), cube])


def heavy_tailed(d: int, rng: np.random.Generator) -> Points:
    """Student's t of 5 degrees of freedom, of one length for all coordinates of a point."""
    lengths = np.sqrt(rng.chisquare(5, (TOKENS, 1)) / 5)
    return rng.standard_normal((TOKENS, d)) / lengths


def falling_spectrum(d: int, rng: np.random.Generator) -> Points:
    """A Gaussian whose i-th variance is 1/i."""
    return rng.standard_normal((TOKENS, d)) * np.arange(1, d + 1) ** -0.5


def manifolds() -> Iterator[tuple[str, int, str, Points]]:
    """Name, dimension, set, points."""
    for name in THEIRS:
        theirs = BenchmarkManifolds(random_state=0)
        d, width = theirs.truth.loc[name, ["Intrinsic Dimension", "Number of variables"]]
        points = theirs.generate(name, n=TOKENS, dim=width, d=d)
        yield name, int(d), "smooth", np.asarray(points, np.float64)
    rng = np.random.default_rng(0)
    for d in (2, 5, 10, 20, 30, 40):
        yield f"sines of {d}", d, "smooth", sine(d, 1, rng)
    for d in (10, 20):
        yield f"roll and cube of {d}", d, "smooth", roll(d, rng)
        yield f"Student t of {d}", d, "smooth", heavy_tailed(d, rng)
        yield f"spectrum 1/i of {d}", d, "smooth", falling_spectrum(d, rng)
    for d in (2, 5, 10, 20, 30, 40):
        yield f"sines of {d}, four times the frequency", d, STRONG, sine(d, 4, rng)


def noisy(X: Points, rng: np.random.Generator) -> Points:
    """In 576 coordinates, with a Gaussian of 2 % of the points' distance from their mean."""
    wide = np.zeros((len(X), max(WIDTH, X.shape[1])))
    wide[:, : X.shape[1]] = X - X.mean(axis=0)
    size = np.sqrt((wide**2).sum(axis=1).mean())
    return wide + NOISE * size / np.sqrt(wide.shape[1]) * rng.standard_normal(wide.shape)


def row_of(name: str, d: int, of: str, X: Points) -> Row:
    graph = neighbour_graph(X, SIZE)
    raw = round(float(local_from_graph(graph, SIZE, X=X).mean()), 3)
    row: Row = {"manifold": name, "set": of, "dimension": d, "raw": raw}
    try:
        found = flat_equivalent(raw, len(X), SIZE)
    except ValueError:
        return row
    names = ("flat_equivalent", "lowest", "highest")
    return row | {key: round(value, 3) for key, value in zip(names, found, strict=True)}


def errors(table: pd.DataFrame) -> Iterator[Row]:
    """What is left of the errors in percent, by set; beyond the table is an error without end."""
    sets = {
        "all without noise": table["set"] != "noise",
        "smooth": table["set"] == "smooth",
        "smooth, of 10 dimensions and more": (table["set"] == "smooth") & (table["dimension"] > 9),
        STRONG: table["set"] == STRONG,
        "with noise": table["set"] == "noise",
    }
    for name, chosen in sets.items():
        rows = table.loc[chosen]
        left = (rows[["raw", "flat_equivalent"]].div(rows["dimension"], axis=0) - 1).abs() * 100
        left = left.fillna(np.inf)
        within = (rows["lowest"] <= rows["dimension"]) & (rows["dimension"] <= rows["highest"])
        row: Row = {"set": name, "manifolds": len(rows), "refused": rows["lowest"].isna().sum()}
        for column in left:
            for quantile in (0.5, 0.9):
                value = left[column].quantile(quantile, interpolation="higher")
                row[f"{column}_{quantile:.0%}"] = round(float(value), 1)
        yield row | {"within_shapes": int(within.sum())}


def main() -> None:
    """Read all of them, and write both tables."""
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for name, d, of, X in progress(list(manifolds()), "manifolds"):
        rows.append(row_of(name, d, of, X))
        if of != STRONG:
            rows.append(row_of(name, d, "noise", noisy(X, rng)))
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False)
    found = pd.DataFrame(errors(table))
    found.to_csv(ERRORS, index=False)
    print(table.to_string(), found.to_string(), sep="\n")


if __name__ == "__main__":
    main()
