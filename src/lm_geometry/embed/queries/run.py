"""The queries of a pipeline run: what is drawn, which lists there will be, where they go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_geometry.embed import needs
from lm_geometry.embed.params import Embed
from lm_geometry.embed.queries.drawn import Queries, draw_queries
from lm_geometry.embed.queries.shards import shards_of
from lm_geometry.embed.queries.stored import lists_of_states
from lm_geometry.embed.queries.streamed import Streamed
from lm_geometry.embed.shards import Shard
from lm_geometry.embed.token_table import TokenisedCorpus, shareable_table
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.queries import (
    lists_folder,
    rows_file,
    write_query_index,
)
from lm_geometry.outs.embed.query_index import QueryIndex
from lm_geometry.workspace import paths
from lm_geometry.workspace.arrays import read_array, read_meta, write_array
from lm_geometry.workspace.cells import Cells, room_for_cells

Corpora = Mapping[CorpusSplit, TokenisedCorpus]


@dataclass(frozen=True)
class QueryRun:
    """The queries of every corpus split of a run; none where none are asked for."""

    settings: Embed
    queries: dict[CorpusSplit, Queries]

    @classmethod
    def of(cls, corpora: Corpora, settings: Embed, seed: int) -> "QueryRun":
        """The queries drawn of each corpus split, among the tokens that later stages know.

        Raises ValueError as `draw_queries`, with the name of the split.
        """
        drawn = {}
        for split, corpus in corpora.items() if settings.queries.count else ():
            tokens = shareable_table(corpus.kept) if split.private else corpus.kept
            try:
                drawn[split] = draw_queries(tokens, settings.queries, seed, split)
            except ValueError as error:
                raise ValueError(f"{_name(split)}: {error}") from None
        return cls(settings, drawn)

    @property
    def streamed(self) -> bool:
        """Whether states are compared and dropped, and never stored."""
        return self.settings.store == "none"

    def inputs(self) -> dict[str, Any]:
        """What decides the bits of states and lists beside other settings."""
        return {"queries": self.settings.queries.model_dump()} if self.queries else {}

    def print_needs(self, widths: Mapping[int, int], checkpoints: int) -> None:
        """Print the disk and memory that the lists take; raises OSError where there is no room."""
        asked = self.settings.queries
        sizes = [
            needs.query_lists(
                len(own.rows),
                int(own.counted.sum()),
                len(asked.references) * len(asked.exclude),
                (asked.neighbours, asked.vectors),
                [*widths.values()],
            )
            for own in self.queries.values()
        ]
        if sizes:
            disk = checkpoints * sum(needed.disk for needed in sizes)
            memory = max(needed.memory for needed in sizes) / 1e6
            what = f"neighbours of queries ({memory:,.0f} MB of memory beside the model), at most"
            room_for_cells(disk, "embed", paths.QUERY_NEIGHBOURS, what)

    def parts(self, split: CorpusSplit, corpus: TokenisedCorpus) -> list[Shard]:
        """The parts of a corpus that are passed apart, so that a state has its bits in each way."""
        shards = shards_of(corpus, self.queries[split].rows, self.settings.batch_tokens)
        rows, found = corpus.rows, []
        for passes in (own for one in shards for own in (one.with_queries, one.others) if own):
            own = np.sort(np.concatenate([rows[number] for one in passes for number in one]))
            kept = corpus.kept.iloc[own].reset_index(drop=True)
            found.append(Shard(TokenisedCorpus(corpus.sequences, kept), own, len(own)))
        return found

    def streamed_split(
        self,
        split: CorpusSplit,
        corpus: TokenisedCorpus,
        cells: Cells,
        layers: Mapping[int, int],
        what: str,
    ) -> Streamed:
        """The passes over a corpus split that is streamed."""
        widths = {paths.layer_file(layer): width for layer, width in layers.items()}
        folder = cells.path(folder_of(split))
        return Streamed(folder, corpus, self.queries[split], self.settings, widths, what)

    def files(self, split: CorpusSplit, layers: Mapping[int, int]) -> dict[str, str]:
        """The cell of each layer's lists, by file name of the layer."""
        return {paths.layer_file(layer): _cell(split, layer) for layer in layers}

    def write_stored(
        self, split: CorpusSplit, cells: Cells, layers: Mapping[int, int], what: str
    ) -> None:
        """Finish the lists of a corpus split whose states are a finished cell."""
        folder = cells.path(_name(split))
        for layer in layers if split in self.queries else ():
            if cells.has(_cell(split, layer)):
                continue
            name = paths.layer_file(layer)
            meta = {k: v for k, v in read_meta(folder).items() if k not in ("arrays", "dtype")}
            target = cells.path(_cell(split, layer))
            given = read_array(folder, name), self.queries[split], self.settings.queries
            lists_of_states(*given, target, meta, f"{what}, neighbours in {name}")
            cells.finish(_cell(split, layer))

    def publish(
        self, checkpoint: str, split: CorpusSplit, cells: Cells, layers: Mapping[int, int]
    ) -> None:
        """Link the finished lists of a corpus split to their places."""
        for layer in layers if split in self.queries else ():
            cells.publish(_cell(split, layer), to=lists_folder(checkpoint, split, layer))


def write_queries(run: QueryRun) -> None:
    """Write the rows of the queries, and the index of data/query_neighbours."""
    asked = run.settings.queries
    if not run.queries:
        write_query_index(QueryIndex(0, 0, 0, [], [], {}))
        return
    for split, own in run.queries.items():
        write_array(rows_file(split), own.rows)
    tokens = {_name(split): int(own.counted.sum()) for split, own in run.queries.items()}
    sizes = asked.count, asked.neighbours, asked.vectors
    write_query_index(QueryIndex(*sizes, asked.exclude, asked.references, tokens))


def _cell(split: CorpusSplit, layer: int) -> str:
    return f"{folder_of(split)}/{paths.layer_file(layer)}-lists"


def folder_of(split: CorpusSplit) -> str:
    """The scratch folder of what is kept of a split's queries."""
    return f"{_name(split)}-queries"


def _name(split: CorpusSplit) -> str:
    return f"{split.corpus}-{split.split}"
