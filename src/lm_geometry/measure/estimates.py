"""States, clouds and estimates of models on the same tokens, by the code of the stages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lm_geometry.embed.token_table import TokenisedCorpus, tokenise
from lm_geometry.estimate.params import Estimate
from lm_geometry.estimate.readings import Readings
from lm_geometry.estimate.sizes import sizes_of
from lm_geometry.estimate.tables import estimates
from lm_geometry.measure.opened import Opened
from lm_geometry.measure.options import Settings
from lm_geometry.measure.signals import signal_rows, signal_table
from lm_geometry.measure.texts import Sequences, sequences_of
from lm_geometry.neighbours.labels import others
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.exclusion import NONE
from lm_geometry.outs.estimate.clouds import LOCAL, without
from lm_geometry.outs.token_sample.clouds import Cloud, CloudIndex, with_noise
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.token_sample.massive import massive_anywhere
from lm_geometry.token_sample.run import cloud_rows, draws, eligible
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.seeds import stream

States = dict[int, Float32[np.ndarray, "tokens width"]]  # by layer
Massive = Int64[np.ndarray, "massive"]
FEWEST_ALIKE = 3  # documents, or whatever does not count as neighbours of its own kind
Drawn = dict[int, Int64[np.ndarray, "_"]]  # rows of the token table by sampling seed


@dataclass(frozen=True)
class Probe:
    """The tokens that are measured, the same for every model and layer."""

    sequences: Sequences
    corpus: TokenisedCorpus
    settings: Settings

    @property
    def split(self) -> CorpusSplit:
        """The names that random draws are keyed by."""
        return CorpusSplit(self.settings.corpus, self.settings.split)

    @property
    def tokens(self) -> pd.DataFrame:
        """The token table: a row per token whose states are kept."""
        return self.corpus.kept

    @property
    def documents(self) -> int:
        """How many documents they are of."""
        return len(set(self.tokens["document"]))

    @property
    def readings(self) -> Readings:
        """What the tokens have in common, and the groups of documents that are left out."""
        chosen = self.settings.estimate.jackknife
        return Readings(self.split, chosen.groups, chosen.seed, self.tokens)


def probe_of(texts: pd.DataFrame, model: Opened, settings: Settings) -> Probe:
    """The texts as tokens of the model, `keep_tokens` of them.

    Raises ValueError where a neighbourhood asks for more tokens than there are, before any
    forward pass.
    """
    longest = min(settings.embed.max_length, model.longest)
    pieces = settings.long_texts == "pieces"

    def length(text: str) -> int:
        return len(model.tokenizer(text, verbose=False)["input_ids"])

    sequences = sequences_of(texts, longest, length, pieces)
    generator = stream(settings.seed, "embed", settings.corpus, settings.split)
    own = settings.embed.model_copy(update={"max_length": longest})
    corpus = tokenise(sequences.table, model.tokenizer, own, generator, model.reads_onwards())
    probe = Probe(sequences, corpus, settings)
    _refuse_too_few(probe)
    return probe


def _refuse_too_few(probe: Probe) -> None:
    """Raises ValueError where the tokens cannot fill the neighbourhoods that are asked for.

    A cloud of fewer tokens may lack some yet: what it lacks is known once it is drawn.
    """
    rows = eligible(probe.tokens, probe.settings.token_sample)
    asked = probe.settings.estimate
    wanted = max((int(size) for size in asked.n_neighbors if size >= 1), default=2)
    points = min(len(rows), probe.settings.token_sample.points)
    if points <= wanted:
        raise ValueError(
            f"n_neighbors: L = {wanted} needs more than {wanted} points, and the texts have "
            f"{len(rows):,} tokens that may be drawn (points: "
            f"{probe.settings.token_sample.points:,}): give more text, or a smaller L"
        )
    for reading in asked.exclude:
        labels = probe.readings.labels(reading, rows)
        left = int(others(labels).min())
        if left < wanted:
            raise ValueError(
                f"exclude: {reading} leaves a token only {left:,} others, and L = {wanted} needs "
                f"as many; there are {probe.tokens['document'].nunique():,} "
                f"{probe.sequences.unit}: give more of them, a smaller L, or exclude=['none']"
            )
        if any(len(np.unique(labels[:, kind])) < FEWEST_ALIKE for kind in range(labels.shape[1])):
            raise ValueError(
                f"exclude: {reading} needs tokens of three {probe.sequences.unit} at least, since "
                "a token's neighbours, which are of others, must have neighbours of others yet "
                "among themselves: give more of them, or exclude=['none']"
            )


def states_of(model: Opened, probe: Probe) -> States:
    """Hidden states `[tokens, width]` of the kept tokens, float32, by layer."""
    shape = (len(probe.tokens), model.states.findings.width)
    arrays = {str(layer): np.empty(shape, dtype=np.float32) for layer in model.layers}
    model.states.write(probe.corpus, probe.settings.embed, arrays, None, model.name)
    return {int(layer): array for layer, array in arrays.items()}


def drawn_rows(probe: Probe, massive: Massive) -> Drawn:
    """The tokens that clouds are made of, by sampling seed, without the `massive` ones."""
    settings = probe.settings.token_sample
    rows = eligible(probe.tokens, settings)
    if "massive" in settings.drop:
        rows = np.setdiff1d(rows, massive)
    return draws(rows, probe.split, settings)


def massive_of(states: Mapping[str, States], factor: float) -> Massive:
    """Rows that are massive in some model at some layer, ascending."""
    return massive_anywhere((one for own in states.values() for one in own.values()), factor)


@dataclass(frozen=True)
class Estimated:
    """What the stages would have written of some models.

    `local` has a row per model (`checkpoint`), layer, cloud, reading, token, estimator and L, with
    the estimates without each jackknife group; `clouds` one per model, layer and cloud: how many
    tokens each step left; `signals` one per model, layer, cloud and signal, as `signal_table`;
    `missing` the readings that a layer has no room for, and why.
    """

    local: pd.DataFrame
    clouds: pd.DataFrame
    signals: pd.DataFrame
    missing: tuple[str, ...] = ()

    def of(self, checkpoint: str) -> "Estimated":
        """Of one of the models."""
        local, clouds, signals = (
            table.loc[table["checkpoint"] == checkpoint].reset_index(drop=True)
            for table in (self.local, self.clouds, self.signals)
        )
        return Estimated(local, clouds, signals, self.missing)


def estimated(
    states: Mapping[str, States],
    probe: Probe,
    drawn: Drawn,
    massive: Massive,
    origin: States | None = None,
) -> Estimated:
    """Estimates of every model, cloud and layer; `states` are by the name of the model.

    `origin` are the states that the distance moved is measured from; they have none themselves.
    """
    settings, split, readings = probe.settings, probe.split, probe.readings
    dropped = dropped_counts(probe, massive)
    clouds = [
        (Cloud(name, split, layer, seed), own[layer], rows)
        for name, own in states.items()
        for seed, rows in drawn.items()
        for layer in own
    ]
    local, counts, signals, missing = [], [], [], []
    for cloud, vectors, rows in progress(clouds, "estimate"):
        kept, counted = cloud_rows(vectors, rows, settings.token_sample)
        points = with_noise(np.asarray(vectors[kept]), cloud, _noise(settings))
        asked_here, short = _with_room(settings.estimate, readings, kept)
        missing += [f"layer {cloud.layer}, {told}" for told in short]
        if asked_here.exclude:
            local.append(estimates(cloud, points, kept, readings, asked_here)[0])
        own = states[cloud.checkpoint]
        first = origin[cloud.layer] if origin is not None and own is not origin else None
        asked = (settings.estimate.signals, settings.token_sample.massive)
        signals += signal_rows(cloud, points, kept, readings, *asked, first)
        counts.append(cloud.keys() | dropped | counted)
    if not local:
        raise ValueError(f"texts: no layer has enough neighbours for L: {'; '.join(missing)}")
    # Of the groups that there are: fewer documents than groups leave columns empty.
    columns = [*LOCAL, *without(readings.groups)]
    joined = pd.concat(local, ignore_index=True)
    found: pd.DataFrame = joined.reindex(columns=columns)
    found["document"] = readings.document_of(found["row"].to_numpy())
    told = tuple(dict.fromkeys(missing))
    return Estimated(found, pd.DataFrame(counts), signal_table(signals, readings.groups), told)


def _with_room(
    settings: Estimate, readings: Readings, rows: Int64[np.ndarray, "points"]
) -> tuple[Estimate, list[str]]:
    """The settings with the readings alone that leave L neighbours, and what the others leave.

    At layer 0 a token is a point however often it stands there, so that those of few kinds, as of
    characters or bytes, can have too few others while there are enough at every other layer.
    """
    largest = max(sizes_of(settings, len(rows)).values())
    left = {
        name: int(others(readings.labels(name, rows)).min())
        for name in settings.exclude
        if name != NONE and largest < len(rows)
    }
    short = [name for name, room in left.items() if room < largest]
    kept = [name for name in settings.exclude if name not in short]
    told = [f"exclude {name}: {left[name]} other points, L = {largest}" for name in short]
    return settings.model_copy(update={"exclude": kept}), told


def dropped_counts(probe: Probe, massive: Massive) -> dict[str, int]:
    """How many of the kept tokens were left out before any cloud was drawn, and why."""
    settings = probe.settings.token_sample
    rows = eligible(probe.tokens, settings)
    left = np.setdiff1d(rows, massive) if "massive" in settings.drop else rows
    tokens = len(probe.tokens)
    return {
        "tokens": tokens,
        "special_removed": tokens - len(rows),
        "massive_removed": len(rows) - len(left),
    }


def _noise(settings: Settings) -> CloudIndex:
    own = settings.token_sample
    return {
        "seeds": own.seeds,
        "massive": own.massive,
        "noise": own.noise,
        "noise_seed": own.noise_seed,
        "paper": False,
    }
