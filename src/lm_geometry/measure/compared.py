"""Two models on the same tokens: how much their local dimensions differ, pair by pair."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from lm_geometry.aggregate.differences import change_rows, changes
from lm_geometry.measure.call import about_of, measured
from lm_geometry.measure.estimates import (
    Estimated,
    Probe,
    drawn_rows,
    estimated,
    massive_of,
    probe_of,
    states_of,
)
from lm_geometry.measure.opened import Layers, Model, Opened, Tokenizer, opened
from lm_geometry.measure.options import Options, settings_of
from lm_geometry.measure.record import OF_TABLE, Measured, of_tokens
from lm_geometry.measure.signals import signal_changes
from lm_geometry.measure.texts import Texts, read_texts
from lm_geometry.outs.finetune.checkpoints import BASE

if TYPE_CHECKING:
    import altair as alt

OTHER = "other"
CHANGES = ["mean", "lower", "upper", "standard_error", "degrees", "error", "p_value"]
CHANGES += ["adjusted_p_value", "standardised_by_documents", "values", "documents"]


@dataclass(frozen=True, eq=False)  # tables are equal cell by cell alone
class Compared:
    """Local dimensions of two models on the same tokens.

    `table` has the mean of `other` minus `one` over the tokens that both clouds kept, by layer,
    reading, estimator and L, with its interval over documents; of signals (`level` is "cloud") that
    of whole clouds. `adjusted_p_value` is Benjamini and Hochberg's over the layers.
    """

    one: Measured
    other: Measured
    table: pd.DataFrame = field(repr=False)

    @property
    def about(self) -> dict[str, str]:
        """How both were measured."""
        own = {name: told for name, told in self.one.about.items() if name != "model"}
        return {"one": self.one.about["model"], "other": self.other.about["model"]} | own

    def figure(self) -> "alt.VConcatChart":
        """The means of both through the layers."""
        from lm_geometry.measure.chart import by_layer

        lines = [f"{name}: {told}" for name, told in self.about.items()]
        tables = {"one": of_tokens(self.one.table), "other": of_tokens(self.other.table)}
        return by_layer(tables, lines)

    def save(self, path: str | Path) -> Path:
        """Write one page that opens without a network: figure, differences, how it was measured."""
        from lm_geometry.measure.page import write_page

        title = f"Local dimensions of {self.other.model} less those of {self.one.model}"
        return write_page(Path(path), title, self, self.table)


def compare(
    one: Model,
    other: Model,
    texts: Texts,
    layers: Layers = "all",
    *,
    tokenizer: Tokenizer = None,
    **options: Unpack[Options],
) -> Compared:
    """The difference of two models' local dimensions on the same tokens, `other` minus `one`.

    Models, `texts`, `layers` and `options` as `measure`; `tokenizer` is that of models in memory,
    of both. A token that is massive in either is left out of both.

    Cost: as `measure` for each, and the states of both in memory.
    Raises ValueError as `measure`, where the tokenizers make other tokens of the texts, and where
    `layers` are others in one model than in the other.
    """
    settings = settings_of(options)
    table = read_texts(texts)
    with opened(one, tokenizer, layers, settings) as ready:
        probe, name = probe_of(table, ready, settings), ready.name
        read, states = ready.layers, {BASE: states_of(ready, probe)}
        about = about_of(ready, probe)
    del ready  # before the other is loaded
    with opened(other, tokenizer, layers, settings) as ready:
        _refuse_others(name, read, probe, ready)
        states[OTHER] = states_of(ready, probe)
        abouts = {BASE: about, OTHER: about_of(ready, probe)}
        names = {BASE: name, OTHER: ready.name}
    massive = massive_of(states, settings.token_sample.massive)
    found = estimated(states, probe, drawn_rows(probe, massive), massive, states[BASE])
    first, second = (measured(names[key], key, found, probe, abouts[key]) for key in names)
    return Compared(first, second, changes_of(found, probe))


def changes_of(found: Estimated, probe: Probe) -> pd.DataFrame:
    """Paired changes from the model `base` to each other one, of dimensions and of signals."""
    paired = changes(found.local) | signal_changes(found.signals, probe.documents)
    rows = change_rows({"texts": paired}, probe.settings.confidence)
    return pd.DataFrame(rows, columns=[*OF_TABLE, *CHANGES])


def _refuse_others(name: str, layers: list[int], probe: Probe, ready: Opened) -> None:
    own = probe_of(probe.sequences.table, ready, probe.settings)
    if own.corpus.sequences != probe.corpus.sequences:
        raise ValueError(
            f"{ready.name} makes other tokens of the texts than {name}: their tokens cannot be "
            "paired; measure each by itself"
        )
    if ready.layers != layers:
        raise ValueError(
            f"layers: {name} is read at {layers}, {ready.name} at {ready.layers}: name layers by "
            "numbers that both have"
        )
