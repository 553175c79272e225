"""What do the few tokens of huge norm do to spectra, and where are they massive?

    python benchmarks/massive_tokens.py --layer 20

Of the hidden states of the last `dvc repro`, without first positions. massive_norms.csv has the
norm of each token that is massive somewhere, in medians, at every checkpoint and layer, and the
largest of all others; massive_spectra.csv the signals of each corpus at one layer with these tokens
and without, copies once, and how much the last checkpoint changed them, with the error of the
jackknife over documents.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from lm_geometry import deduplicate
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.observables.cloud_signals import Signal, cloud_signals
from lm_geometry.observables.norms import norms
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import Embedded, read_embedded, read_states, read_tokens
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.statistics.jackknife import jackknife_variance
from lm_geometry.token_sample.massive import massive_rows
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.run import eligible
from lm_geometry.workspace.tables import Row

NORMS = Path(__file__).with_name("massive_norms.csv")
SPECTRA = Path(__file__).with_name("massive_spectra.csv")
SIGNALS = ["participation_ratio", "effective_rank", "rankme"]


def norm_rows(
    embedded: Embedded,
    split: CorpusSplit,
    rows: Int64[np.ndarray, "eligible"],
    massive: Int64[np.ndarray, "massive"],
) -> Iterator[Row]:
    """A row per checkpoint, layer and massive token, and one for the largest of the others."""
    others = np.setdiff1d(rows, massive)
    tokens = read_tokens(split)
    for checkpoint in embedded.checkpoints:
        for layer in embedded.layers:
            lengths = norms(read_states(checkpoint, split, layer))
            medians = lengths / np.median(lengths)
            largest = others[medians[others].argmax()]
            keys = {"corpus": split.corpus, "checkpoint": checkpoint, "layer": layer}
            for row in [*massive, largest]:
                position = int(tokens["position"].iloc[row])
                of = {"token": int(row), "position": position, "massive": bool(row in massive)}
                yield keys | of | {"medians": round(float(medians[row]), 3)}


def signals_of(
    checkpoint: str,
    split: CorpusSplit,
    layer: int,
    rows: Int64[np.ndarray, "rows"],
    readings: Readings,
) -> tuple[list[Signal], int]:
    """The signals of the tokens, copies once, and of how many that is."""
    X = np.asarray(read_states(checkpoint, split, layer)[rows])
    kept = deduplicate(X)
    groups = readings.group_of(rows[kept])
    return cloud_signals(X[kept], groups, None, SIGNALS, readings.groups), len(kept)


def spectrum_rows(
    embedded: Embedded,
    split: CorpusSplit,
    layer: int,
    rows: Int64[np.ndarray, "eligible"],
    massive: Int64[np.ndarray, "massive"],
) -> Iterator[Row]:
    """A row per signal, with massive tokens and without: at base, and its change to the last."""
    chosen = Estimate.read().jackknife
    readings = Readings(split, chosen.groups, chosen.seed)
    for massive_too, of in ((True, rows), (False, np.setdiff1d(rows, massive))):
        (before, points), (after, _) = (
            signals_of(checkpoint, split, layer, of, readings)
            for checkpoint in (BASE, embedded.checkpoints[-1])
        )
        for one, other in zip(before, after, strict=True):
            error = np.sqrt(jackknife_variance(other.without - one.without))
            yield {
                "corpus": split.corpus,
                "layer": layer,
                "massive": massive_too,
                "points": points,
                "signal": one.name,
                "base": round(one.value, 4),
                "change": round(other.value - one.value, 4),
                "error": round(float(error), 4),
            }


def main() -> None:
    """Write benchmarks/massive_norms.csv and massive_spectra.csv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layer", type=int, default=20, help="of the spectra")
    asked = parser.parse_args()
    embedded, settings = read_embedded(), TokenSample.read()
    lengths: list[Row] = []
    spectra: list[Row] = []
    for split in embedded.splits:
        rows = eligible(read_tokens(split), settings)
        massive = np.intersect1d(rows, massive_rows(embedded, split, settings.massive))
        lengths += norm_rows(embedded, split, rows, massive)
        spectra += spectrum_rows(embedded, split, asked.layer, rows, massive)
    pd.DataFrame(lengths).to_csv(NORMS, index=False)
    pd.DataFrame(spectra).to_csv(SPECTRA, index=False)


if __name__ == "__main__":
    main()
