"""Mean local dimension of the tokens of one kind: the same word, label or part of speech."""

import numpy as np
import pandas as pd

from lm_geometry.aggregate.means import CELL
from lm_geometry.aggregate.params import Groups
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_tokens
from lm_geometry.outs.embed.private_tokens import read_private_tokens
from lm_geometry.outs.estimate.clouds import without_columns
from lm_geometry.statistics import jackknifed_means
from lm_geometry.statistics.jackknife import JACKKNIFE
from lm_geometry.statistics.means import CLUSTERED

USUAL = set(Groups.model_validate({}).by)


class GroupedEstimates:
    """Collects the groups of a run, one (corpus split, layer) after another."""

    def __init__(self, settings: Groups, confidence: float, model: str = "") -> None:
        self._settings, self._confidence, self._model = settings, confidence, model
        self._private: list[pd.DataFrame] = []
        self._tables: list[pd.DataFrame] = []
        self._tokens: tuple[CorpusSplit, pd.DataFrame] | None = None
        self._columns: set[str] = set()
        self._spelled: pd.Series | None = None

    def add(self, split: CorpusSplit, table: pd.DataFrame) -> None:
        """Take the groups of every cell of a table of local estimates."""
        tokens = self._tokens_of(split)
        named = {name: pd.Series(tokens[name]) for name in self._settings.by if name in tokens}
        for name, names in named.items():
            self._tables.append(self._grouped(table, name, names))
        if self._spelled is not None:
            self._private.append(self._grouped(table, "token", self._spelled))

    def _grouped(self, table: pd.DataFrame, name: str, names: pd.Series) -> pd.DataFrame:
        of_rows = pd.Series(names.to_numpy()[table["row"].to_numpy()])
        found = groups(table, of_rows, self._settings, self._confidence)
        return found.assign(grouping=name)

    def _tokens_of(self, split: CorpusSplit) -> pd.DataFrame:
        if self._tokens is None or self._tokens[0] != split:
            tokens = read_tokens(split)
            self._columns |= set(tokens)
            self._spelled = None
            if "token" in self._settings.by and "token" not in tokens:
                self._spelled = read_private_tokens(split, self._model)
                if self._spelled is None:
                    _tell_unspelled(split)
            self._tokens = (split, tokens)
        return self._tokens[1]

    def private(self) -> pd.DataFrame:
        """The groups by token of text that may not be passed on: for pictures on this machine."""
        return pd.concat(self._private, ignore_index=True) if self._private else pd.DataFrame()

    def table(self) -> pd.DataFrame:
        """Every group; raises ValueError for a column that no corpus of the run has."""
        for name in self._settings.by:
            if self._columns and name not in self._columns | USUAL:
                there = ", ".join(sorted(self._columns))
                raise ValueError(f"aggregate.groups.by: no corpus has {name!r}; there are {there}")
        return pd.concat(self._tables, ignore_index=True) if self._tables else pd.DataFrame()


def _tell_unspelled(split: CorpusSplit) -> None:
    print(
        f"{split.corpus} {split.split}: no groups by token: its text may not be passed on, and its "
        "tokens were read on another machine (`dvc repro --force --single-item embed` reads them)",
        flush=True,
    )


def groups(
    table: pd.DataFrame, names: pd.Series, settings: Groups, confidence: float
) -> pd.DataFrame:
    """A row per cell and group: mean, interval over documents and clouds, tokens.

    `names` has the group of each row of `table`; missing and empty names make no group, nor do
    groups of fewer than `fewest_tokens` defined estimates.
    """
    group, distinct = pd.factorize(names.astype("string").replace("", pd.NA))
    cells = table.groupby(CELL, sort=False)
    cell = cells.ngroup().to_numpy()
    width = max(len(distinct), 1)
    key = np.where(group < 0, -1, cell * width + group)
    found = jackknifed_means(
        table["value"].to_numpy(),
        table[without_columns(table)].to_numpy(np.float32),
        key,
        *(table[name].to_numpy(np.int64) for name in ("document", "sampling_seed")),
    )
    lower, upper = found.interval(confidence)
    keys = table.loc[~pd.Series(cell).duplicated().to_numpy(), CELL].reset_index(drop=True)
    rows = keys.iloc[found.group // width].reset_index(drop=True)
    rows = rows.assign(
        group=distinct[found.group % width].astype(object),
        mean=found.value,
        standard_error=found.standard_error,
        lower=lower,
        upper=upper,
        degrees=found.degrees,
        error=np.where(found.jackknifed, JACKKNIFE, CLUSTERED).astype(object),
        values=found.values,
        documents=found.clusters,
    )
    return rows[found.values >= settings.fewest_tokens].reset_index(drop=True)


def extremes(table: pd.DataFrame, shown: str, listed: int) -> list[tuple[str, pd.DataFrame]]:
    """(which, rows) of the groups to show, with their `place` by the mean at `shown`.

    All of at most twice `listed` groups, under no name; else the highest and the lowest.
    """
    order = table.loc[table["checkpoint"] == shown].sort_values("mean", ascending=False)
    places = pd.Series(range(len(order)), index=order["group"].to_numpy())
    placed = table.assign(place=places.reindex(table["group"]).to_numpy()).dropna(subset=["place"])
    placed = placed.astype({"place": int}).sort_values(["place", "checkpoint"])
    if len(places) <= 2 * listed:
        return [("", placed)]
    return [
        (f": highest {listed}", placed.loc[placed["place"] < listed]),
        (f": lowest {listed}", placed.loc[placed["place"] >= len(places) - listed]),
    ]
