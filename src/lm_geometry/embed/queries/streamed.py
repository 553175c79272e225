"""A corpus split whose states are compared with the queries as they appear, and never stored."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.params import Embed
from lm_geometry.embed.queries.comparing import Compared, Taken
from lm_geometry.embed.queries.drawn import Queries
from lm_geometry.embed.queries.kept import write_lists
from lm_geometry.embed.queries.segments import Segments
from lm_geometry.embed.queries.shards import Shard, shards_of
from lm_geometry.embed.token_table import TokenisedCorpus
from lm_geometry.point_cloud.shapes import Float32
from lm_geometry.workspace.arrays import write_array
from lm_geometry.workspace.files import link, whole_file
from lm_geometry.workspace.machine import part_of


@dataclass(frozen=True)
class Streamed:
    """The passes over one corpus split under one checkpoint, saved after every shard in `folder`.

    `widths` are those of the arrays by file name, one for each layer. `part` names the shards that
    this process works on, "i/n" or "" for all: lists of several parts, of any order, make those of
    the whole, to the byte.
    """

    folder: Path
    corpus: TokenisedCorpus
    queries: Queries
    settings: Embed
    widths: dict[str, int]
    losses: bool
    what: str
    part: str = ""

    def pass_through(self, states: HiddenStates) -> None:
        """Embed and compare every shard of this part that no earlier run has finished."""
        shards = shards_of(self.corpus, self.queries.rows, self.settings.batch_tokens)
        compared, done = self.found(states, shards)
        mine = part_of([shard.number for shard in shards])
        for number in [number for number in mine if number not in done]:
            self._pass(states, shards[number], compared, len(shards))
            done.add(number)
            self._save(number, compared, sorted(done))

    def found(
        self, states: HiddenStates, shards: list[Shard]
    ) -> tuple[dict[str, Compared], set[int]]:
        """What was found by now, of this part or of all, by layer, and the shards that it is of."""
        vectors = self._query_vectors(states, shards)
        compared = {
            name: Compared(self.queries, own, self.settings.queries)
            for name, own in vectors.items()
        }
        done: set[int] = set()
        for path in self._lists():
            with np.load(path) as saved:
                done |= set(saved["done"].tolist())
                for name, own in compared.items():
                    own.put(
                        {k.partition("/")[2]: saved[k] for k in saved if k.startswith(f"{name}/")}
                    )
        return compared, done

    def _lists(self) -> list[Path]:
        if self.part:
            own = self._own_lists()
            return [own] if own.exists() else []
        return sorted(self.folder.glob("lists*.npz"))

    def _own_lists(self) -> Path:
        return self.folder / f"lists{self.part.replace('/', '-of-')}.npz"

    def _query_vectors(
        self, states: HiddenStates, shards: list[Shard]
    ) -> dict[str, Float32[np.ndarray, "queries width"]]:
        """States of the queries by layer, from the very passes that they have in their shards."""
        files = {name: self.folder / f"{name}-queries.npy" for name in self.widths}
        if not all(path.exists() for path in files.values()):
            taken = {name: Taken(self.queries, width) for name, width in self.widths.items()}
            passes = [one for shard in shards for one in shard.with_queries]
            states.pass_through(
                passes, self.corpus, self.settings, taken, None, f"{self.what} queries"
            )
            for name, path in files.items():
                write_array(path, taken[name].vectors)
        return {name: np.load(path) for name, path in files.items()}

    def _pass(
        self, states: HiddenStates, shard: Shard, compared: dict[str, Compared], shards: int
    ) -> None:
        losses = np.full(len(self.corpus.kept), np.nan, np.float32)
        what = f"{self.what} shard {shard.number + 1} of {shards}"
        wanted = losses if self.losses else None
        states.pass_through(shard.passes, self.corpus, self.settings, compared, wanted, what)
        for own in compared.values():
            own.compare()
        write_array(self._losses(shard.number), losses[shard.rows])

    def _save(self, number: int, compared: dict[str, Compared], done: list[int]) -> None:
        """Record a shard as done: the states that it adds, then the lists, then what has gone."""
        for name, own in compared.items():
            Segments(self.folder, name).write(number, *own.take_fresh())
        arrays = {
            f"{name}/{key}": array
            for name, own in compared.items()
            for key, array in own.state().items()
        }
        with whole_file(self._own_lists()) as temporary, temporary.open("wb") as file:
            np.savez(file, done=np.array(done), **arrays)
        if not self.part:  # files of other parts are theirs
            for name, own in compared.items():
                Segments(self.folder, name).thin_out(own.needed())

    def _losses(self, number: int) -> Path:
        return self.folder / f"losses-shard-{number:06d}.npy"

    def write(
        self, states: HiddenStates, losses: Path, folders: dict[str, Path], meta: dict[str, Any]
    ) -> None:
        """Write the lists of each layer to its folder, and the losses `[tokens]`, when all is done.

        `folders` by file name of a layer. Raises RuntimeError where a shard is not done.
        """
        shards = shards_of(self.corpus, self.queries.rows, self.settings.batch_tokens)
        compared, done = self.found(states, shards)
        if missing := {shard.number for shard in shards} - done:
            raise RuntimeError(f"{self.what}: shards {sorted(missing)} are not finished")
        gathered = {name: self.folder / f"{name}-vectors.npy" for name in compared}
        for name, own in compared.items():
            needed, width = own.needed(), self.widths[name]
            Segments(self.folder, name).gather(needed, width, gathered[name])
        for name, own in compared.items():
            place = gathered[name]  # stays until the stage's outs are saved
            write_lists(folders[name], own, lambda _, path, here=place: link(here, path), meta)
        found = np.full(len(self.corpus.kept), np.nan, np.float32)
        for shard in shards:
            found[shard.rows] = np.load(self._losses(shard.number))
        write_array(losses, found)
