"""A corpus split whose states are compared with the queries as they appear, and never stored."""

import os
import platform
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.params import Embed
from lm_geometry.embed.queries.comparing import Compared, Taken
from lm_geometry.embed.queries.drawn import Queries
from lm_geometry.embed.queries.kept import write_lists
from lm_geometry.embed.queries.segments import Segments
from lm_geometry.embed.queries.shards import QueryShard, shards_of
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Float32
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import link, whole_file


@dataclass(frozen=True)
class Known:
    """What a process knows: lists by layer, and the shards that all of them are of."""

    compared: dict[str, Compared]
    shards: set[int]


@dataclass(frozen=True)
class Streamed:
    """The passes over one corpus split under one checkpoint, by shards, in a scratch folder.

    Every process keeps the lists of all that it knows in a file of its own, which it saves after
    each shard; those of all processes together, in any order, are the lists of the whole, to the
    byte. `widths` are those of the arrays by file name, one for each layer.
    """

    folder: Path
    corpus: TokenisedCorpus
    queries: Queries
    settings: Embed
    widths: dict[str, int]
    what: str

    @cached_property
    def shards(self) -> list[QueryShard]:
        """The shards of the split."""
        return shards_of(self.corpus, self.queries.rows, self.settings.batch_tokens)

    def compare(self, states: HiddenStates, number: int, known: Known, losses: bool) -> None:
        """Embed one shard, compare it by layer with the queries, and save what was found."""
        shard = self.shards[number]
        found = np.full(len(self.corpus.kept), np.nan, np.float32)
        wanted = found if losses else None
        for passes in filter(None, (shard.with_queries, shard.others)):
            states.afresh()
            given = passes, self.corpus, self.settings, known.compared, wanted
            states.pass_through(*given, f"{self.what} shard {number + 1} of {len(self.shards)}")
        for name, own in known.compared.items():
            own.compare()
            Segments(self.folder, name).write(number, *own.take_fresh())
        write_array(self._losses(number), found[shard.rows])
        self._save(known.compared)
        known.shards.add(number)
        for name, own in known.compared.items():
            Segments(self.folder, name).thin_out(own.needed(), known.shards)

    def known(self, states: HiddenStates, finished: Collection[int]) -> Known:
        """What a process that begins takes over of the shards that others have `finished`."""
        return Known(self.found(states), set(finished))

    def found(self, states: HiddenStates | None = None) -> dict[str, Compared]:
        """What all processes have found by now, by layer.

        `states` are for the states of the queries, where they are not there yet.
        """
        vectors = self._query_vectors(states)
        compared = {
            name: Compared(self.queries, own, self.settings.queries)
            for name, own in vectors.items()
        }
        for path in sorted(self.folder.glob("lists-*.npz")):
            with np.load(path) as saved:
                for name, own in compared.items():
                    mine = [key for key in saved if key.startswith(f"{name}/")]
                    own.put({key.partition("/")[2]: saved[key] for key in mine})
        return compared

    def _save(self, compared: dict[str, Compared]) -> None:
        arrays: dict[str, Any] = {
            f"{name}/{key}": array
            for name, own in compared.items()
            for key, array in own.state().items()
        }
        place = self.folder / f"lists-{platform.node()}-{os.getpid()}.npz"
        with whole_file(place) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    def _query_vectors(
        self, states: HiddenStates | None
    ) -> dict[str, Float32[np.ndarray, "queries width"]]:
        """States of the queries by layer, from the very passes that they have in their shards."""
        files = {name: self.folder / f"{name}-queries.npy" for name in self.widths}
        if not all(path.exists() for path in files.values()):
            assert states is not None  # no shard was finished without
            taken = {name: Taken(self.queries, width) for name, width in self.widths.items()}
            for shard in [shard for shard in self.shards if shard.with_queries]:
                states.afresh()
                given = shard.with_queries, self.corpus, self.settings, taken, None
                states.pass_through(*given, f"{self.what} queries of shard {shard.number + 1}")
            for name, path in files.items():
                write_array(path, taken[name].vectors)
        return {name: np.load(path) for name, path in files.items()}

    def _losses(self, number: int) -> Path:
        return self.folder / f"losses-shard-{number:06d}.npy"

    def write(self, losses: Path, folders: dict[str, Path], meta: dict[str, Any]) -> None:
        """Write the lists of each layer to its folder, and the losses `[tokens]`.

        `folders` by file name of a layer. Every shard is finished.
        """
        compared = self.found()
        gathered = {name: self.folder / f"{name}-vectors.npy" for name in compared}
        for name, own in compared.items():
            needed, width = own.needed(), self.widths[name]
            Segments(self.folder, name).gather(needed, width, gathered[name])
        for name, own in compared.items():
            place = gathered[name]  # stays until the stage's outs are saved
            write_lists(folders[name], own, lambda _, path, here=place: link(here, path), meta)
        found = np.full(len(self.corpus.kept), np.nan, np.float32)
        for shard in self.shards:
            found[shard.rows] = np.load(self._losses(shard.number))
        write_array(losses, found)
