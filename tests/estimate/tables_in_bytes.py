"""Every table of the estimate stage, of made-up clouds: prints a hash of each column as JSON.

A program of its own, as the processor's loops are chosen when NumPy is loaded.
"""

from lm_geometry.estimate.same_kernels import same_kernels

if __name__ == "__main__":
    same_kernels()

import hashlib
import json

import numpy as np
import pandas as pd

from lm_geometry.estimate import readings, signal_rows
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.surrogate_rows import surrogate_table
from lm_geometry.estimate.tables import estimates
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.token_sample.clouds import Cloud

CLOUD = Cloud("10", CorpusSplit("news", "validation"), 3, 0)
WIDTH = 48
ALL = {
    "estimators": ["twonn", "lpca", "mle"],
    "global_estimators": [
        *("twonn", "mle", "lpca", "l2n2", "bayesian_twonn", "binomial", "correlation", "ca_pca"),
    ],
    "n_neighbors": [32],
    "gride_range": 64,
    "surrogates": {
        "kinds": ["gaussian", "gaussian_with_norms", "token_means", "exchanged_residuals"],
        "draws": 2,
    },
}
FEW = {"estimators": ["twonn"], "n_neighbors": [32], "signals": [], "jackknife": {"groups": 0}}
SIZES = {300: ALL, 4200: FEW}  # the second in blocks


def states(number: int) -> np.ndarray:
    """A curved cloud in float32, rounded: no kernel that makes it shows in its bytes."""
    rng = np.random.default_rng(number)
    latent = np.tanh(rng.standard_normal((number, 9)))
    flat = (latent[:, :, None] * rng.standard_normal((9, WIDTH))).sum(axis=1)
    return np.round(flat + 0.1 * rng.standard_normal(flat.shape), 4).astype(np.float32)


def digests(number: int) -> dict[str, str]:
    """The hash of each column of each table of a cloud of so many tokens."""
    X, rows = states(number), np.arange(number)
    numbers = {"document": rows % 40, "sequence": rows % 120, "token_id": rows**2 % 37}
    readings.read_tokens = lambda split: pd.DataFrame(numbers)
    signal_rows.read_index = lambda: {"massive": 3.0}
    signal_rows.read_states_of = lambda *names: X[names[3]] + np.float32(0.5)
    settings = Estimate.model_validate(SIZES[number])
    groups = settings.jackknife.groups
    asked = CLOUD, X, rows, readings.Readings(CLOUD.split, groups, 0), settings
    tables = dict(zip(("local", "global"), estimates(*asked), strict=True))
    tables |= {"signals": signal_rows.signal_table(*asked), "surrogates": surrogate_table(*asked)}
    return {
        f"{number} {name} {label} {column}": hashlib.sha256(
            part[column].to_numpy(np.float64).tobytes()
        ).hexdigest()
        for name, table in tables.items()
        for label, part in table.groupby(
            [key for key in ("surrogate", "exclude", "estimator") if key in table], sort=False
        )
        for column in part.select_dtypes("number")
    }


if __name__ == "__main__":
    print(json.dumps(digests(300) | digests(4200)))
