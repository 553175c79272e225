"""What null models of a cloud read: its surrogates through the same estimators, draw by draw."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.sizes import FEWEST
from lm_geometry.estimate.tables import estimates
from lm_geometry.outs.embed.hidden_states import Embedded
from lm_geometry.outs.estimate.clouds import SURROGATES, folder_name
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.outs.token_sample.clouds import Cloud, Points
from lm_geometry.point_cloud.shapes import Int64
from lm_geometry.surrogates.kinds import NEEDS, REFITTED, Kind
from lm_geometry.surrogates.null_models import null_model
from lm_geometry.workspace.layers import hidden_states, shown
from lm_geometry.workspace.seeds import stream

KIND_OF = {"tokens": "token", "documents": "document"}  # labels as readings call them
OF_READING = ["exclude", "estimator", "n_neighbors"]


def with_labels(settings: Estimate, of_split: Readings) -> list[Kind]:
    """The null models asked for whose labels the token table of a split has.

    A split whose text may not be passed on has no ids of tokens: null models that need them are
    passed over there.
    """
    return [
        kind
        for kind in settings.surrogates.kinds
        if all(of_split.has(KIND_OF[label]) for label in NEEDS.get(kind, ()))
    ]


def has_null_models(cloud: Cloud, embedded: Embedded, settings: Estimate) -> bool:
    """Whether the section draws surrogates of a cloud of these checkpoints and layers.

    A share of the depth is the embedded layer nearest to it, as in the section `aggregate`.
    """
    asked = settings.surrogates
    if not asked.kinds:
        return False
    if asked.checkpoints == "last" and cloud.checkpoint not in (BASE, embedded.checkpoints[-1]):
        return False
    if asked.layers == "all":
        return True
    layers: set[int] = set()
    for one in asked.layers:
        if isinstance(one, str) and "-" in one:
            layers |= {*hidden_states([one], embedded.depth)}
        else:
            layers.add(shown(one, embedded.layers, embedded.depth))
    return cloud.layer in layers


def surrogate_table(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> pd.DataFrame:
    """A row per null model, draw, reading, local estimator and size: the means of its estimates.

    X `[points, width]` and their `rows` in the token table. Column `tokens` is the mean over
    tokens, `documents` that of the means of documents. A surrogate has the rows, the number type
    and the readings of X, and no jackknife. The draw of a number is alike at every checkpoint, so
    that changes between them have less of its noise. Null models in `REFITTED` are fitted again to
    each surrogate: `tokens_again` and `documents_again` are of a surrogate of that. Raises
    ValueError for a cloud without any token that another has, where a null model of tokens is
    asked for.
    """
    found = list(_tables(cloud, X, rows, readings, settings)) if len(X) >= FEWEST else []
    return pd.concat(found, ignore_index=True) if found else no_surrogates()


def no_surrogates() -> pd.DataFrame:
    """The table of a cloud without null models."""
    return pd.DataFrame(columns=SURROGATES)


def _tables(
    cloud: Cloud,
    X: Points,
    rows: Int64[np.ndarray, "points"],
    readings: Readings,
    settings: Estimate,
) -> Iterator[pd.DataFrame]:
    asked = settings.surrogates
    plain = readings.without_groups()
    without = settings.jackknife.model_copy(update={"groups": 0})
    local = settings.model_copy(
        update={"global_estimators": [], "gride_range": 0, "jackknife": without}
        | ({} if asked.estimators == "all" else {"estimators": asked.estimators})
    )
    documents = pd.Series(readings.document_of(rows), rows)
    for kind in with_labels(settings, readings):
        labels = {name: readings.labels(KIND_OF[name], rows)[:, 0] for name in NEEDS.get(kind, ())}
        try:
            model = null_model(X, kind, **labels)
        except ValueError as error:
            place = folder_name(cloud)
            raise ValueError(f"estimate.surrogates.kinds: {kind}, {place}: {error}") from None

        def read(points: Points) -> pd.DataFrame:
            return _means(estimates(cloud, points, rows, plain, local)[0], documents)

        for draw in range(asked.draws):
            names = kind, draw, asked.seed
            drawn = model.surrogate(_generator(cloud, *names)).astype(X.dtype)
            found = read(drawn).assign(tokens_again=np.nan, documents_again=np.nan)
            if kind in REFITTED:
                generator = _generator(cloud, *names, "again")
                again = null_model(drawn, kind, **labels).surrogate(generator)
                own = read(again.astype(X.dtype))
                found["tokens_again"], found["documents_again"] = own["tokens"], own["documents"]
            found = found.assign(**cloud.keys(), surrogate=kind, draw=draw)
            yield found.loc[:, SURROGATES]


def _generator(cloud: Cloud, kind: str, draw: int, seed: int, *which: str) -> np.random.Generator:
    names = [str(value) for key, value in cloud.keys().items() if key != "checkpoint"]
    return stream(seed, "surrogate", kind, *names, draw, *which)


def _means(local: pd.DataFrame, documents: pd.Series) -> pd.DataFrame:
    document = documents.loc[local["row"]].to_numpy()
    by_reading = [local[name] for name in OF_READING]
    values = pd.Series(local["value"], dtype=np.float64)
    tokens = values.groupby(by_reading, sort=False).mean()
    each = pd.Series(values.groupby([*by_reading, document], sort=False).mean())
    alike = each.groupby(level=OF_READING, sort=False).mean()
    return pd.DataFrame({"tokens": tokens, "documents": alike}).reset_index()
