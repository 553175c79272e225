"""Corpora whose states are compared with queries as they appear: shards as cells, no states."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from lm_geometry.embed.embedding import Embedding, name_of
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.meta import has_loss
from lm_geometry.embed.queries.run import folder_of
from lm_geometry.embed.queries.streamed import Known, Streamed
from lm_geometry.embed.shards import meta_of_all
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.workspace import paths
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.work import Cell


@dataclass(frozen=True)
class Place:
    """A corpus split under a checkpoint, and where what is found of it is kept."""

    checkpoint: str
    split: CorpusSplit
    within: Cells
    streamed: Streamed

    def marker(self, number: int) -> str:
        """The cell of a shard: what meta.json says of it, once its lists are saved."""
        return f"{folder_of(self.split)}/shard-{number:06d}.json"

    @property
    def losses(self) -> str:
        """The cell of the split's losses."""
        return f"{name_of(self.split)}.npy"


@dataclass(frozen=True)
class Streaming:
    """The passes of an embedding over corpora that are not stored, of which a cell is a shard."""

    passes: Embedding
    tells = True
    memory_on_a_core = 0

    @property
    def gpus(self) -> Literal["none", "one", "all"]:
        """As many as the model's weights take."""
        return self.passes.gpus

    @cached_property
    def places(self) -> list[Place]:
        """Every corpus split under every checkpoint."""
        run, found = self.passes, []
        for checkpoint, within in run.folders.items():
            for split, corpus in run.corpora.items():
                what = f"{checkpoint} {name_of(split)}"
                given = split, corpus, within, run.stored, what
                found.append(Place(checkpoint, split, within, run.queries.streamed_split(*given)))
        return found

    @cached_property
    def by_cell(self) -> Mapping[str, tuple[Place, int]]:
        """The place and number of each shard, by the name of its cell."""
        return {
            f"{place.checkpoint} {place.marker(shard.number)}": (place, shard.number)
            for place in self.places
            for shard in place.streamed.shards
        }

    @cached_property
    def cells(self) -> list[Cell]:
        """Every shard of every split under every checkpoint."""
        found = []
        for name, (place, number) in self.by_cell.items():
            size = len(place.streamed.shards[number].rows)
            kept = (place.marker(number),), (place.losses, *self._lists(place).values())
            group = f"embed {place.checkpoint}"
            found.append(Cell(name, group, size, place.within, *kept))
        return found

    def _lists(self, place: Place) -> dict[str, str]:
        return self.passes.queries.files(place.split, self.passes.stored)

    def print_needs(self) -> None:
        """Print the disk and memory that the lists take; raises OSError where there is no room."""
        self.passes.queries.print_needs(self.passes.stored, len(self.passes.checkpoints))

    def opened(self, group: str) -> Callable[[Cell], None]:
        """Compares shards under one checkpoint, which it has loaded."""
        states = self.passes.load(self.passes.checkpoint(group))
        assert isinstance(states, HiddenStates)  # `check_mode` saw to it
        loss = has_loss(self.passes.source, states, self.passes.settings)
        known: dict[CorpusSplit, Known] = {}

        def compare(cell: Cell) -> None:
            place, number = self.by_cell[cell.name]
            if place.split not in known:
                known[place.split] = place.streamed.known(states, self._finished(place))
            place.streamed.compare(states, number, known[place.split], loss)
            meta = self.passes.meta(states, len(place.streamed.shards[number].rows))
            write_json(cell.within.path(place.marker(number)), meta)
            cell.within.finish(place.marker(number))

        return compare

    def _finished(self, place: Place) -> list[int]:
        numbers = range(len(place.streamed.shards))
        return [one for one in numbers if place.within.is_finished(place.marker(one))]

    def ended(self, group: str) -> None:
        """As of an embedding."""
        self.passes.ended(group)

    def gather(self) -> None:
        """Write data/query_neighbours, data/losses, the token tables and the index of states."""
        run = self.passes
        for place in self.places:
            within, lists = place.within, self._lists(place)
            if not all(map(within.has, [place.losses, *lists.values()])):
                folders = {name: within.path(cell) for name, cell in lists.items()}
                place.streamed.write(within.path(place.losses), folders, self._meta(place))
                for cell in (*lists.values(), place.losses):
                    within.finish(cell)
            run.queries.publish(place.checkpoint, place.split, within, run.stored)
            losses = paths.losses(place.checkpoint, place.split.corpus, place.split.split)
            within.publish(place.losses, to=losses)
        run.write_tables()
        for cells in run.folders.values():
            cells.published()

    def _meta(self, place: Place) -> dict[str, Any]:
        streamed = place.streamed
        markers = [place.marker(shard.number) for shard in streamed.shards]
        metas = [read_json(place.within.path(marker)) for marker in markers]
        return meta_of_all(metas, len(streamed.corpus.kept))
