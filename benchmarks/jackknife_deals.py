"""How much does an interval hang on how documents are dealt into groups, and into how many?

    python benchmarks/jackknife_deals.py --layer 20 --deals 10

The error of the change at the last checkpoint of the last `dvc repro`, and of the difference of two
corpora's changes, by the delete-a-group jackknife: ten groups in several deals, other numbers of
groups, each document a group of its own, and by the rule that takes every neighbourhood as given
(`clustered`). Written to benchmarks/jackknife_deals.csv.
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from interval_coverage import Population, mean_and_variance, population

from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.estimate.clouds import read_estimated
from lm_geometry.outs.token_sample.clouds import Cloud
from lm_geometry.statistics import Mean, clustered_mean
from lm_geometry.statistics.jackknife import JACKKNIFE
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row

RESULTS = Path(__file__).with_name("jackknife_deals.csv")
GROUPS = 10
OTHERS = (5, 7, 20)
EACH = 62  # more than there are documents: each is a group

Deals = dict[str, tuple[int, int]]  # (number of groups, seed) by what a row says of them


def deals_of(number: int) -> Deals:
    """Several deals into ten groups, and one into each other number of them."""
    ten = {f"deal {seed}": (GROUPS, seed) for seed in range(number)}
    others = {f"{groups} groups": (groups, 0) for groups in OTHERS}
    return ten | others | {"each document": (EACH, 0)}


def means(whole: Population, split: CorpusSplit, deals: Deals, size: int) -> dict[str, Mean]:
    """The change of a corpus with its error, by deal, and by the clustered rule."""
    found: dict[str, Mean] = {}
    everyone = np.ones(len(whole.rows), bool)
    documents = len(np.unique(whole.document))
    for name, (groups, seed) in progress(list(deals.items()), "deals"):
        readings = Readings(split, groups, seed)
        changes = whole.changes(everyone, readings.group_of(whole.rows), size)
        value, variance = mean_and_variance(changes)
        of = (len(whole.rows), documents, JACKKNIFE)
        found[name] = Mean(value, float(np.sqrt(variance)), readings.groups - 1.0, *of)
        if name == "deal 0":
            found["clustered"] = clustered_mean(changes.values, whole.document)
    return found


def rows_of(by_corpus: dict[str, dict[str, Mean]], keys: Row) -> Iterator[Row]:
    """A row per corpus and deal, and one per pair of corpora."""
    for one, other in combinations(by_corpus, 2):
        both = {name: mean - by_corpus[other][name] for name, mean in by_corpus[one].items()}
        by_corpus = by_corpus | {f"{one} − {other}": both}
    for corpus, found in by_corpus.items():
        for deal, mean in found.items():
            told = {"change": corpus, "deal": deal, "mean": round(mean.value, 4)}
            error = {"error": round(mean.standard_error, 4), "degrees": round(mean.degrees, 2)}
            yield keys | told | error


def main() -> None:
    """Deal the documents as was asked for, and write benchmarks/jackknife_deals.csv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layer", type=int, default=20)
    parser.add_argument("--deals", type=int, default=10)
    asked = parser.parse_args()
    estimated, settings = read_estimated(), Estimate.read()
    size = int(settings.n_neighbors[-1])
    last, seed = estimated.embedded.checkpoints[-1], estimated.sampling_seeds[0]
    rows: list[Row] = []
    for exclude in settings.exclude:
        found = {}
        for split in estimated.embedded.splits:
            clouds = [Cloud(name, split, asked.layer, seed) for name in ("base", last)]
            whole = population(clouds, exclude, size)
            found[split.corpus] = means(whole, split, deals_of(asked.deals), size)
        rows += rows_of(found, {"layer": asked.layer, "exclude": exclude})
    print(pd.DataFrame(rows).to_string())
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
