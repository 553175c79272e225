"""Which part of the states carries a change of the mean local dimension? Swaps of real states.

    python benchmarks/state_swaps.py --layers 12 20 30
    python benchmarks/state_swaps.py --layers 4 6 --name state_swaps_minilm  # run: nulls_minilm

Of the clouds of the last run in the workspace, base and last checkpoint. A part of one is put into
the other, and its share of the change is the mean of both orders (Shapley 1953;
`lm_geometry.swap`): token means and the residuals around them, which add up to the change, the
norms, the covariance, the best affine map. NAME.csv has each share by corpus and reading with the
jackknife over documents (neighbours filtered, parts as they are with all documents), and that on
the fine-tuned corpus minus that on the other, whose documents are independent.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lm_geometry import swap
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.tables import estimates
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_embedded
from lm_geometry.outs.estimate.clouds import without
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.finetune.training_run import read_training_run
from lm_geometry.outs.token_sample.clouds import Cloud, Points, read_cloud, read_seeds
from lm_geometry.point_cloud.shapes import Float64, Int64
from lm_geometry.statistics import Mean, jackknifed
from lm_geometry.surrogates import PARTS
from lm_geometry.workspace.tables import Row

FILE = Path(__file__)
CONFIDENCE, SIZE = 0.95, 128
SWAPPED = [part for part in PARTS if part != "residuals"]  # whose share is what means leave
Read = dict[str, Float64[np.ndarray, "deletions"]]  # by reading: the mean, and without each group


def read(
    cloud: Cloud, X: Points, rows: Int64[np.ndarray, "points"], readings: Readings, chosen: Estimate
) -> Read:
    """The mean local dimension of a cloud under each reading, and without each group."""
    table, _ = estimates(cloud, X, rows, readings, chosen)
    columns = ["value", *without(readings.groups)]
    by_reading = table.groupby("exclude", sort=False)
    return {str(name): cell[columns].mean().to_numpy(np.float64) for name, cell in by_reading}


def shares(split: CorpusSplit, layer: int, checkpoint: str) -> dict[tuple[str, str], Mean]:
    """The share of each part in the change of a corpus, by part and reading, and the change."""
    settings = Estimate.read()
    plain = {"estimators": ["twonn"], "n_neighbors": [SIZE], "gride_range": 0}
    chosen = settings.model_copy(update=plain | {"global_estimators": [], "signals": []})
    readings = Readings(split, settings.jackknife.groups, settings.jackknife.seed)
    ends = [Cloud(name, split, layer, read_seeds()[0]) for name in (BASE, checkpoint)]
    (base, rows), (later, other_rows) = map(read_cloud, ends)
    if not np.array_equal(rows, other_rows):
        raise ValueError(f"{split.corpus}, layer {layer}: the clouds are not of the same tokens")
    tokens = readings.labels("token", rows)[:, 0]
    before, after = (read(ends[0], X, rows, readings, chosen) for X in (base, later))
    change = {name: after[name] - before[name] for name in before}
    found = {("change", name): change[name] for name in change}
    for part in SWAPPED:
        there, back = (
            read(ends[0], swap(*pair, part, tokens).astype(base.dtype), rows, readings, chosen)
            for pair in ((base, later), (later, base))
        )
        for name in change:
            found[part, name] = (there[name] - before[name] + after[name] - back[name]) / 2
    for name in change:
        found["residuals", name] = change[name] - found["token_means", name]
    documents = len(np.unique(readings.document_of(rows)))
    return {
        key: jackknifed(float(values[0]), values[1:], len(rows), documents)
        for key, values in found.items()
    }


def rows_of(name: str, layer: int, found: dict[tuple[str, str], Mean]) -> Iterator[Row]:
    """A row per part and reading."""
    for (part, exclude), share in found.items():
        lower, upper = share.interval(CONFIDENCE)
        numbers = {"value": share.value, "error": share.standard_error, "lower": lower}
        numbers |= {"upper": upper}
        keys = {"corpus": name, "layer": layer, "exclude": exclude, "part": part}
        yield keys | {column: round(number, 4) for column, number in numbers.items()}


def main() -> None:
    """Write benchmarks/NAME.csv."""
    embedded = read_embedded()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, nargs="+", default=embedded.layers)
    parser.add_argument("--name", default=FILE.stem, help="of the file in benchmarks/")
    asked = parser.parse_args()
    fine_tuned, checkpoint = read_training_run().corpus, embedded.checkpoints[-1]
    table: list[Row] = []
    for layer in asked.layers:
        of = {split.corpus: shares(split, layer, checkpoint) for split in embedded.splits}
        for corpus, found in of.items():
            table += rows_of(corpus, layer, found)
            if corpus != fine_tuned:
                own = of[fine_tuned]
                differences = {key: own[key] - found[key] for key in found}
                table += rows_of(f"{fine_tuned} - {corpus}", layer, differences)
        print(f"layer {layer}", flush=True)
        pd.DataFrame(table).to_csv(FILE.with_name(f"{asked.name}.csv"), index=False)


if __name__ == "__main__":
    main()
