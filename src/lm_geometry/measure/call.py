"""One call: local dimensions by layer of any model on any texts."""

from dataclasses import replace
from typing import Unpack

import pandas as pd

from lm_geometry.measure.estimates import (
    Estimated,
    Probe,
    drawn_rows,
    estimated,
    massive_of,
    probe_of,
    states_of,
)
from lm_geometry.measure.flat import flat_equivalents
from lm_geometry.measure.opened import Layers, Model, Opened, Tokenizer, opened
from lm_geometry.measure.options import Options, settings_of
from lm_geometry.measure.prompt_means import prompt_rows
from lm_geometry.measure.prompts import (
    Prompted,
    PromptOptions,
    chosen_prompts,
    measured_prompts,
)
from lm_geometry.measure.record import Measured, table_of
from lm_geometry.measure.signals import MOVED
from lm_geometry.measure.texts import Texts, read_texts
from lm_geometry.models.points import STREAM
from lm_geometry.outs.finetune.checkpoints import BASE
from lm_geometry.workspace.hashes import library_versions
from lm_geometry.workspace.points import RESIDUAL, named, told

# A change of two models rests on its interval, so that `compare` has the jackknife; means of one
# are read first, and cost a quarter less without.
OF_ONE: Options = {"jackknife": 0}
AS_GIVEN = "neighbourhoods taken as given: too narrow (the jackknife is not)"


def measure(
    model: Model,
    texts: Texts,
    layers: Layers = "all",
    *,
    tokenizer: Tokenizer = None,
    prompts: bool | PromptOptions = False,
    **options: Unpack[Options],
) -> Measured:
    """The local dimension of a model's hidden states on some texts, layer by layer.

    `model` is a name as in params.yaml (an alias of the catalogue, `hub:ID[@REVISION]`,
    `file:PATH`), a path, or a model of transformers in memory with its `tokenizer`: on its device
    and in its precision, adapted by PEFT, compiled or distributed (DDP) as may be, and left as it
    was. `texts` are as `measure.texts.read_texts` says: strings, documents, a table, a path, a
    corpus by name. `layers` are as in params.yaml: numbers, negative from the end, shares of the
    depth such as "67%", or "all". `options` are `measure.options.Options`.

    With `prompts` each text (document) is a cloud of its own as well: its first 1,024 tokens, or
    as many as options of `measure.prompts.PromptOptions` say; see `Measured.prompts`.

    The numbers are those of the pipeline for the same settings, to the last bit: the same code
    makes them. Here a text that is longer than `max_length` is continued in further sequences,
    while the pipeline cuts it (`long_texts="cut"`); and N is 3,000, drawn from 6,000 tokens.

    Source: Facco et al. 2017 for "twonn"; `docs/estimators.md` for the others and their bias.
    Intervals are over documents, each neighbourhood taken as given, which is too narrow;
    `jackknife=10` leaves groups of documents out as neighbours, too.
    Cost: one forward pass; then some 25 µs per token, L and reading, three times that with the
    jackknife. Memory: `keep_tokens` · width · layers · 4 bytes.
    Raises ValueError for what is wrong with model, layers, tokenizer, options and texts, before
    the forward pass.
    """
    settings = settings_of(options, OF_ONE)
    if MOVED in settings.estimate.signals:
        raise ValueError(f"signals: {MOVED} is of two models: see compare, LocalDimensionCallback")
    table = read_texts(texts)
    with opened(model, tokenizer, layers, settings) as ready:
        probe = probe_of(table, ready, settings)
        chosen = None if prompts is False else chosen_prompts(table, ready, prompts)
        states = {BASE: states_of(ready, probe)}
        about = about_of(ready, probe)
        prompted = measured_prompts(chosen, ready) if chosen else None
    massive = massive_of(states, settings.token_sample.massive)
    found = estimated(states, probe, drawn_rows(probe, massive), massive)
    record = measured(ready.name, BASE, found, probe, about)
    return with_prompts(record, prompted, settings.confidence) if prompted else record


def measured(
    name: str, checkpoint: str, found: Estimated, probe: Probe, about: dict[str, str]
) -> Measured:
    """The record of one of the models that were estimated."""
    own = found.of(checkpoint)
    table = table_of(own, probe.documents, probe.settings.confidence)
    table["flat_equivalent"] = flat_equivalents(table, probe.settings.estimate)
    if probe.settings.embed.points != RESIDUAL:
        table["states"] = named(probe.settings.embed.points)
    sizes = own.clouds["points"].tolist()
    points = f"N = {max(sizes):,} tokens of {len(probe.tokens):,}"
    if min(sizes) < max(sizes):
        points += f" (fewer distinct ones at some layers, {min(sizes):,} at the least)"
    if found.missing:
        about = about | {"not measured": "; ".join(found.missing)}
    settings = probe.settings.record()
    return Measured(
        name, table, about | {"clouds": points}, settings, own.local, probe.tokens, own.signals
    )


def with_prompts(record: Measured, found: Prompted, confidence: float) -> Measured:
    """The record with what was measured of prompts, and rows of its table for their means."""
    points = found.asked.drawn.tokens - found.asked.states.drop_first
    means = pd.DataFrame(prompt_rows(found.table, points, confidence))
    return replace(
        record,
        table=pd.concat([record.table, means], ignore_index=True),
        about=record.about | {"prompts": found.told},
        settings=record.settings | {"prompts": found.asked.options},
        prompts=found.table,
    )


def about_of(model: Opened, probe: Probe) -> dict[str, str]:
    """How a model is measured: what the record and the page say."""
    sequences, settings = probe.sequences, probe.settings
    longest = min(settings.embed.max_length, model.longest)
    texts = f"{len(sequences.table):,} sequences of at most {longest} tokens"
    if sequences.longer:
        done = "continued in further sequences" if settings.long_texts == "pieces" else "cut"
        texts += f"; longer ones, which were {done}: {sequences.longer:,}"
    documents = len(set(sequences.table["document"]))
    asked = settings.estimate
    rule = f"CDF {asked.cdf}, {asked.fit} fit, {asked.discard:g} discarded"
    how = f"{settings.confidence:.0%} over {documents:,} {sequences.unit}"
    groups = min(asked.jackknife.groups, documents)
    how += f", jackknife of {groups} groups" if groups > 1 else f", {AS_GIVEN}"
    place = model.states.place
    where = {} if place == STREAM else {"states": f"{told(named(place.points))} ({place.told()})"}
    versions = ", ".join(f"{name} {number}" for name, number in library_versions().items())
    return {
        "model": f"{model.name}, {model.arithmetic()} on {model.states.device}; "
        f"{model.states.findings.told()}",
        **where,
        "texts": texts,
        "left out": f"{', '.join(settings.token_sample.drop) or 'nothing'}; exact copies",
        "estimators": f"{', '.join(asked.estimators)} (TwoNN: {rule})",
        "intervals": how,
        "versions": versions,
    }
