"""A table in lines that fit a terminal still tells its rows apart."""

import numpy as np
import pandas as pd

from lm_geometry.revisions.narrow import narrowed


def test_what_tells_rows_apart_is_shown_before_what_is_said_of_them() -> None:
    """Estimates of GRIDE differ in their scale alone, and numbers may be long."""
    scales = 2 ** np.arange(1, 9)
    numbers = ["mean", "lower", "upper", "standard_error", "p_value", "adjusted_p_value", "degrees"]
    rows = [
        {"corpus": corpus, "level": "cloud", "exclude": reading, "estimator": "gride"}
        | {"n_neighbors": np.nan if scale > 2 else 64.0, "scale": scale, "checkpoint": checkpoint}
        | {name: -0.00123456 * (scale + place) for place, name in enumerate(numbers)}
        for corpus in ("early-speeches", "encyclopaedia")
        for reading in ("document", "none")
        for checkpoint in ("base", "80")
        for scale in scales
    ]
    lines = narrowed(pd.DataFrame(rows), 70).splitlines()
    assert max(map(len, lines)) <= 70
    told = next(line for line in lines if line.split()[0] == "corpus")
    assert {"corpus", "exclude", "scale", "checkpoint"} <= set(told.split())
    assert {"degrees", "adjusted_p_value"} <= set(lines[-1].replace(",", "").split())
    own = [
        tuple(line.split()[:-3]) for line in lines if line.lstrip().startswith(("early", "ency"))
    ]
    assert len(set(own)) == len(rows)
