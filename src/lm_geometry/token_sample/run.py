"""Which tokens make a point cloud."""

import numpy as np
import pandas as pd

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.hidden_states import read_embedded, read_tokens
from lm_geometry.outs.embed.token_choice import chosen_rows, refuse_absent_values
from lm_geometry.outs.token_sample.clouds import INDEX, clouds
from lm_geometry.outs.token_sample.point_states import read_point_rows, read_point_states
from lm_geometry.point_cloud.deduplication import deduplicate
from lm_geometry.point_cloud.shapes import Float32, Int64
from lm_geometry.token_sample.massive import massive_rows, without_massive
from lm_geometry.token_sample.params import TokenSample
from lm_geometry.token_sample.prompts import write_prompt_clouds
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.progress import progress
from lm_geometry.workspace.seeds import stream
from lm_geometry.workspace.tables import write_table


def eligible(tokens: pd.DataFrame, settings: TokenSample) -> Int64[np.ndarray, "rows"]:
    """Rows of the token table that may be drawn: special tokens dropped, then the mask.

    The table's column `special` names what a token is to its tokenizer, such as `bos,eos`.

    Raises ValueError where the mask is not of the table's columns, or nothing is left.
    """
    return chosen_rows(tokens, settings.drop, settings.mask, "token_sample")


def draw(
    rows: Int64[np.ndarray, "rows"], prepared: int, generator: np.random.Generator
) -> Int64[np.ndarray, "drawn"]:
    """At most `prepared` of `rows` in random order, without replacement."""
    return rows[generator.choice(len(rows), min(prepared, len(rows)), replace=False)]


def draws(
    rows: Int64[np.ndarray, "rows"], split: CorpusSplit, settings: TokenSample, paper: bool = False
) -> dict[int, Int64[np.ndarray, "drawn"]]:
    """The tokens drawn of `rows` by each of the sampling seeds, in random order.

    With `paper`, by the generator of the published code.
    """
    found = {}
    for seed in settings.seeds:
        named = stream(seed, "token-sample", split.corpus, split.split)
        generator = np.random.default_rng(seed) if paper else named
        found[seed] = draw(rows, settings.prepared, generator)
    return found


def cloud_rows(
    states: Float32[np.ndarray, "tokens width"],
    drawn: Int64[np.ndarray, "drawn"],
    settings: TokenSample,
) -> tuple[Int64[np.ndarray, "points"], dict[str, int]]:
    """The rows of one cloud, in the order drawn, and how many tokens each step left.

    Zero vectors are kept or removed; of equal vectors (by bytes) the first stays; the first
    `points` of what is left make the cloud.
    """
    vectors = states[drawn]
    counts = {"prepared": len(drawn)}
    if settings.zero_vectors == "remove":
        nonzero = np.flatnonzero(vectors.any(axis=1))
        drawn, vectors = drawn[nonzero], vectors[nonzero]
    counts["zero_vectors_removed"] = counts["prepared"] - len(drawn)
    distinct = deduplicate(vectors)
    counts["duplicates_removed"] = len(drawn) - len(distinct)
    rows = drawn[distinct][: settings.points]
    return rows, counts | {"points": len(rows)}


def run() -> None:
    """Write data/clouds, of corpora and of prompts, as params.yaml says."""
    write_clouds(TokenSample.read())
    write_prompt_clouds()


def _places(
    rows: Int64[np.ndarray, "rows"], queries: Int64[np.ndarray, "queries"] | None
) -> Int64[np.ndarray, "places"]:
    """Where among the point states the eligible `rows` of the token table stand, ascending.

    Raises ValueError where none of the queries is eligible.
    """
    if queries is None:
        return rows
    places = np.flatnonzero(np.isin(queries, rows))
    if not len(places):
        raise ValueError("token_sample.drop and token_sample.mask leave none of embed.queries")
    return places


def write_clouds(settings: TokenSample) -> None:
    """Write the rows of every cloud, and data/clouds/counts.parquet.

    The tokens are drawn once per (corpus split, seed), so that every checkpoint and layer gets
    the same: of the queries where embed drew some, else of all. `data_prep.order: paper` draws them
    with the generator of the published code. Massive tokens, where they are dropped, are counted by
    `massive_removed`, the same for a split's clouds.
    """
    embedded = read_embedded()
    paper = embedded.order == "paper"
    tables = {split: read_tokens(split) for split in embedded.splits}
    refuse_absent_values(list(tables.values()), settings.mask)
    points = {split: read_point_rows(split) for split in tables}  # None: all tokens
    massive = dict.fromkeys(tables, 0)
    drawn: dict[tuple[CorpusSplit, int], np.ndarray] = {}
    for split, tokens in tables.items():
        try:
            rows = among = _places(eligible(tokens, settings), points[split])
            if "massive" in settings.drop:
                found = massive_rows(embedded, split, settings.massive)
                rows = without_massive(rows, found, f"{split.corpus}-{split.split}")
            massive[split] = len(among) - len(rows)
        except ValueError as error:
            raise ValueError(f"{split.corpus}-{split.split}: {error}") from None
        drawn |= {(split, seed): own for seed, own in draws(rows, split, settings, paper).items()}
    counts = []
    for cloud in progress([*clouds(embedded, settings.seeds)], "clouds"):
        states = read_point_states(cloud.checkpoint, cloud.split, cloud.layer)
        rows, counted = cloud_rows(states, drawn[cloud.split, cloud.sampling_seed], settings)
        queries = points[cloud.split]
        write_array(cloud.file, rows if queries is None else queries[rows])
        counts.append(cloud.keys() | {"massive_removed": massive[cloud.split]} | counted)
    write_table(paths.CLOUDS / "counts.parquet", pd.DataFrame(counts))
    noise = {"noise": settings.noise, "noise_seed": settings.noise_seed, "paper": paper}
    write_json(INDEX, {"seeds": settings.seeds, "massive": settings.massive, **noise})
