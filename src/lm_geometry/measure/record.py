"""What a measurement gives: a table by layer, the tokens, a figure, a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lm_geometry.aggregate.means import mean_rows
from lm_geometry.outs.estimate.clouds import LOCAL

if TYPE_CHECKING:
    import altair as alt

CELL = ["layer", "exclude", "estimator", "n_neighbors"]
COLUMNS = [
    *CELL,
    *("mean", "standard_deviation", "lower", "upper", "standard_error", "degrees", "error"),
    *("points", "clouds", "documents", "undefined"),
]
DROPPED = ["tokens", "special_removed", "massive_removed", "zero_vectors_removed"]
DROPPED += ["duplicates_removed"]
OF_TOKEN = ["sequence", "position", "document", "token_id", "token"]


@dataclass(frozen=True, eq=False)  # tables are equal cell by cell alone
class Measured:
    """Local dimensions of a model's hidden states on some texts.

    `table` has a row per layer, reading (`exclude`), estimator and L (`n_neighbors`): the mean over
    tokens with its standard deviation, its interval over documents (of what kind says `about`) and
    clouds, how the error was found (`error`), N (`points`), and how many of the `tokens` were left
    out and why. `about` says how it was measured, line by line; `settings` are all options.
    """

    model: str
    table: pd.DataFrame = field(repr=False)
    about: dict[str, str]
    settings: dict[str, Any] = field(repr=False)
    estimates: pd.DataFrame = field(repr=False)  # with the columns without each jackknife group
    text: pd.DataFrame = field(repr=False)  # the token table that `row` of the estimates counts

    @property
    def tokens(self) -> pd.DataFrame:
        """A row per token, layer, cloud, reading, estimator and L: its dimension, and its place."""
        columns = ["layer", "sampling_seed", *LOCAL[LOCAL.index("exclude") :]]
        text = pd.DataFrame(self.text, columns=OF_TOKEN)
        return pd.DataFrame(self.estimates, columns=columns).join(text, on="row")

    def figure(self) -> "alt.VConcatChart":
        """The means through the layers, with their intervals: a line per reading and L."""
        from lm_geometry.measure.chart import by_layer

        return by_layer({self.model: self.table}, self.lines())

    def lines(self) -> list[str]:
        """How it was measured, in one line for each thing."""
        return [f"{name}: {told}" for name, told in self.about.items()]

    def save(self, path: str | Path) -> Path:
        """Write one page that opens without a network: figure, table, and how it was measured."""
        from lm_geometry.measure.page import write_page

        return write_page(Path(path), f"Local dimensions of {self.model}", self, self.table)


def table_of(local: pd.DataFrame, clouds: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The table of `Measured` from the estimates and the counts of one model's clouds."""
    means = pd.DataFrame(mean_rows(local, confidence), columns=COLUMNS)
    counts = pd.DataFrame(clouds, columns=["layer", *DROPPED]).groupby("layer", as_index=False)
    return means.merge(pd.DataFrame(counts.max()), on="layer", how="left")


def printed(table: pd.DataFrame) -> str:
    """The table as text, numbers with as many digits as intervals let one read."""
    return table.to_string(index=False, float_format=_digits, na_rep="–")


def _digits(number: float) -> str:
    return f"{number:.0f}" if np.isfinite(number) and number == int(number) else f"{number:.3f}"
