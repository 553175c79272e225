"""What a measurement gives: a table by layer, the tokens, a figure, a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lm_geometry.aggregate.means import mean_rows
from lm_geometry.measure.estimates import Estimated
from lm_geometry.measure.signals import signal_means
from lm_geometry.outs.estimate.clouds import LOCAL

if TYPE_CHECKING:
    import altair as alt

CELL = ["layer", "exclude", "estimator", "n_neighbors"]
OF_TABLE = ["layer", "level", *CELL[1:]]
COLUMNS = [
    *OF_TABLE,
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
    out and why. Signals that were asked for follow, as rows whose `level` is not "token" but
    "cloud": the mean is over clouds. Then prompts, where they were asked for, whose `level` is
    "prompt": means over prompts, by `shuffle`. `about` says how it was measured, line by line;
    `settings` are all options. `prompts` has the values of each prompt, shuffle and layer, as
    `prompts_table`; no rows where they were not asked for.
    """

    model: str
    table: pd.DataFrame = field(repr=False)
    about: dict[str, str]
    settings: dict[str, Any] = field(repr=False)
    estimates: pd.DataFrame = field(repr=False)  # with the columns without each jackknife group
    text: pd.DataFrame = field(repr=False)  # the token table that `row` of the estimates counts
    signals: pd.DataFrame = field(repr=False)  # by layer and cloud, and without each group
    prompts: pd.DataFrame = field(repr=False, default_factory=pd.DataFrame)

    @property
    def tokens(self) -> pd.DataFrame:
        """A row per token, layer, cloud, reading, estimator and L: its dimension, and its place."""
        columns = ["layer", "sampling_seed", *LOCAL[LOCAL.index("exclude") :]]
        text = pd.DataFrame(self.text, columns=OF_TOKEN)
        return pd.DataFrame(self.estimates, columns=columns).join(text, on="row")

    def figure(self) -> "alt.VConcatChart":
        """The means through the layers, with their intervals: a line per reading and L."""
        from lm_geometry.measure.chart import by_layer

        return by_layer({self.model: of_tokens(self.table)}, self.lines())

    def lines(self) -> list[str]:
        """How it was measured, in one line for each thing."""
        return [f"{name}: {told}" for name, told in self.about.items()]

    def save(self, path: str | Path) -> Path:
        """Write one page that opens without a network: figure, table, and how it was measured."""
        from lm_geometry.measure.page import write_page

        return write_page(Path(path), f"Local dimensions of {self.model}", self, self.table)


def table_of(found: Estimated, documents: int, confidence: float) -> pd.DataFrame:
    """The table of `Measured` from what was estimated of one model's clouds of `documents`."""
    rows = mean_rows(found.local, confidence)
    rows += signal_means(found.signals, documents, confidence)
    means = pd.DataFrame(rows, columns=COLUMNS)
    counts = pd.DataFrame(found.clouds, columns=["layer", *DROPPED])
    counts = counts.groupby("layer", as_index=False)
    return means.merge(pd.DataFrame(counts.max()), on="layer", how="left")


def of_tokens(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table that are dimensions, and not signals of whole clouds."""
    return table.loc[table["level"] == "token"]


def printed(table: pd.DataFrame) -> str:
    """The table as text, numbers with as many digits as intervals let one read."""
    return table.to_string(index=False, float_format=_digits, na_rep="–")


def _digits(number: float) -> str:
    return f"{number:.0f}" if np.isfinite(number) and number == int(number) else f"{number:.3f}"
