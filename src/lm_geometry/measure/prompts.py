"""Prompts of a measurement: each text a cloud of its own at every layer, as the stages have it."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd

from lm_geometry.data_prep.params import Prompts
from lm_geometry.data_prep.prompts.block_orders import block_orders
from lm_geometry.data_prep.prompts.draw import draw, token_counts
from lm_geometry.embed.params import PromptStates
from lm_geometry.embed.prompts.record import prompt_record
from lm_geometry.embed.prompts.window import places
from lm_geometry.estimate.prompt_rows import measured_tables
from lm_geometry.measure.opened import Opened
from lm_geometry.outs.data_prep.shuffling import Order, shuffled_positions
from lm_geometry.outs.data_prep.tokens import prompt_tokens
from lm_geometry.outs.embed.geometry import PromptGeometry
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.tables import Row

QUANTITIES = ("dimension", "overlap", "cosine", "angle")
COLUMNS = ["prompt", "document", "shuffle", "quantity", "layer", "next_layer", "scale", "k"]
COLUMNS += ["value", "standard_error", "standard_deviation", "points"]
COLUMNS += ["value_off_diagonal", "to_nearest", "missing"]
MOST_TOKENS, LARGEST_RANK = 1024, 256  # of params.yaml; fewer where that is all that there is
NAMED = 5  # texts that are too short, at most


class PromptOptions(TypedDict, total=False):
    """What may be said of prompts: the names of data_prep.prompts and embed.prompts."""

    unit: Literal["document", "sequence"]
    joint: str
    count: int | Literal["all"]
    tokens: int
    shuffles: list[int]
    seed: int
    precision: Literal["float64", "float32"]
    gride_range: int
    overlap_k: int
    drop_first: bool
    window: int


@dataclass(frozen=True)
class Asked:
    """Which prompts are measured, and to what they are reduced."""

    drawn: Prompts
    states: PromptStates

    @property
    def options(self) -> dict[str, Any]:
        """Every option of prompts, as JSON."""
        both = self.drawn.model_dump(mode="json") | self.states.model_dump(mode="json")
        return {name: both[name] for name in PromptOptions.__annotations__}


@dataclass(frozen=True)
class Chosen:
    """The prompts of some texts: of each its number, its document, its text and block orders."""

    asked: Asked
    documents: dict[int, str]
    texts: dict[int, str]
    orders: dict[tuple[int, int], Order]
    short: dict[str, int]  # documents with fewer tokens, and how many they have

    def told(self) -> str:
        """Which they are, in words."""
        drawn, states = self.asked.drawn, self.asked.states
        found = f"{len(self.texts):,} of {drawn.tokens:,} tokens each, a {drawn.unit} each"
        if drawn.shuffles != [0]:
            blocks = ", ".join(f"{4**shuffle:,}" for shuffle in drawn.shuffles)
            found += f", in {blocks} blocks of random order (1: as it is)"
        found += f"; GRIDE up to rank {states.gride_range}"
        return found + (f"; too short: {_listed(self.short)}" if self.short else "")


def chosen_prompts(
    table: pd.DataFrame, model: Opened, given: PromptOptions | Literal[True]
) -> Chosen:
    """The prompts of the texts `table` (columns `text`, `document`), before any forward pass.

    Numbered in the order of the documents (or sequences), chosen and shuffled as in data-prep.
    Raises ValueError for an option that there is not, more tokens than the model reads, a GRIDE
    rank that the tokens are too few for, and texts of which none is long enough: they are named.
    """
    asked = _asked({} if given is True else given, model)
    drawn = asked.drawn
    documents, joined = _units(table, drawn)
    lengths = token_counts(joined, model.tokenizer)
    names = _names(documents)
    short = {names[i]: int(lengths[i]) for i in np.flatnonzero(lengths < drawn.tokens)}
    candidates = np.flatnonzero(lengths >= drawn.tokens)
    if not len(candidates):
        wanted = f"{drawn.tokens:,} tokens, of which GRIDE up to rank {asked.states.gride_range}"
        raise ValueError(
            f"prompts: no {drawn.unit} has the {wanted} is asked ({_listed(short)}): give longer "
            "texts, or fewer tokens"
        )
    try:
        numbers = draw(candidates, drawn.count, drawn.seed).tolist()
    except ValueError as error:
        raise ValueError(str(error).replace("data_prep.prompts.", "prompts: ")) from None
    return Chosen(
        asked,
        {number: documents[number] for number in numbers},
        {number: joined[number] for number in numbers},
        block_orders(numbers, drawn.shuffles, drawn.seed),
        short,
    )


def _units(table: pd.DataFrame, drawn: Prompts) -> tuple[list[str], list[str]]:
    """The document and the text of each sequence, or of each document, its sequences joined."""
    documents, texts = table["document"].tolist(), table["text"].tolist()
    if drawn.unit == "sequence":
        return documents, texts
    found: dict[str, list[str]] = {}
    for document, text in zip(documents, texts, strict=True):
        found.setdefault(document, []).append(text)
    return list(found), [drawn.joint.join(own) for own in found.values()]


def _asked(given: Mapping[str, Any], model: Opened) -> Asked:
    names = PromptOptions.__annotations__
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
            raise ValueError(f"prompts: {name} is no option{hint}")
    most = _power_up_to(min(MOST_TOKENS, model.longest))
    own: dict[str, Any] = {"count": "all", "shuffles": [0], "tokens": most, **given}
    drawn = Prompts.model_validate({k: v for k, v in own.items() if k in Prompts.model_fields})
    if drawn.count == 0:
        raise ValueError("prompts: count is 0: a number of them, all, or prompts=False")
    if drawn.tokens > model.longest:
        raise ValueError(
            f"prompts: tokens = {drawn.tokens:,}, and {model.name} reads {model.longest:,} at most"
        )
    kept = {name: own[name] for name in own.keys() & PromptStates.model_fields.keys()}
    states = PromptStates.model_validate(kept)
    rank = places(np.arange(drawn.tokens - states.drop_first), states.window).reach
    if "gride_range" not in given:
        least = min(LARGEST_RANK, _power_up_to(max(rank, 2)))
        states = states.model_copy(update={"gride_range": least})
    if states.gride_range > rank:
        raise ValueError(
            f"prompts: gride_range = {states.gride_range} needs as many neighbours of a token, and "
            f"one of {drawn.tokens:,} tokens has {rank:,} that count: more tokens, or a lower rank"
        )
    return Asked(drawn, states)


def _power_up_to(number: int) -> int:
    return 1 << (number.bit_length() - 1)


def _names(documents: list[str]) -> list[str]:
    """Names of documents; those of several sequences are counted."""
    if len(set(documents)) == len(documents):
        return documents
    return [f"{name} (sequence {number})" for number, name in enumerate(documents)]


def _listed(lengths: Mapping[str, int]) -> str:
    """The texts with their numbers of tokens, the longest first."""
    longest = sorted(lengths.items(), key=lambda item: -item[1])
    told = ", ".join(f"{name} with {number:,}" for name, number in longest[:NAMED])
    more = len(lengths) - NAMED
    return f"{told} and {more:,} more" if more > 0 else told


@dataclass(frozen=True, eq=False)  # tables are equal cell by cell alone
class Prompted:
    """Prompts that were measured: `table` is of `prompts_table`, `told` says which they are."""

    asked: Asked
    table: pd.DataFrame
    told: str


def measured_prompts(chosen: Chosen, model: Opened) -> Prompted:
    """The prompts under a model, by one forward pass for each of them and its shuffles."""
    return Prompted(chosen.asked, prompts_table(chosen, model), chosen.told())


def prompts_table(chosen: Chosen, model: Opened) -> pd.DataFrame:
    """A row per prompt, shuffle, layer and scale or k, columns `COLUMNS`: the numbers of estimate.

    `quantity` is "dimension" (GRIDE, `scale` the rank of the outer neighbour), "overlap" (with
    `next_layer`, of `k` neighbours), "cosine" (mean of all pairs) or "angle" (between a token's two
    nearest, degrees). What a layer has too few distinct tokens for is NaN, and `missing` says why.
    """
    states = copy.copy(model.states)
    states.layers = sorted(states.layers)  # overlaps are of layers that follow each other
    drawn = chosen.asked.drawn
    parts = []
    for (number, shuffle), order in progress([*chosen.orders.items()], f"{model.name} prompts"):
        ids = prompt_tokens(chosen.texts[number], model.tokenizer, drawn.tokens)
        ids = ids[shuffled_positions(order, drawn.tokens)]
        geometry = prompt_record(states, ids, chosen.asked.states, loss=False).geometry
        keys: Row = {"prompt": number, "document": chosen.documents[number], "shuffle": shuffle}
        parts += [*_quantities(keys, geometry, states.layers)]
    return pd.concat(parts, ignore_index=True)


def _quantities(keys: Row, geometry: PromptGeometry, layers: list[int]) -> Iterator[pd.DataFrame]:
    measured = measured_tables([({"model": ""} | keys, geometry, {"value": np.nan})], layers)
    missing = dict(zip(layers, geometry.missing, strict=True))
    for quantity in QUANTITIES:
        own: pd.DataFrame = getattr(measured, quantity)
        found = own.assign(quantity=quantity, missing=[missing[layer] for layer in own["layer"]])
        yield found.reindex(columns=COLUMNS)
