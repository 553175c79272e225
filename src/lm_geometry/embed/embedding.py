"""The hidden states of every checkpoint and corpus split: the cells of them, and their places."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from transformers import PreTrainedTokenizerBase

from lm_geometry.embed import needs
from lm_geometry.embed.equations import EquationStates
from lm_geometry.embed.forward_pass import arithmetic, check_sizes, pad_id
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.masked_token import MaskedTokenStates
from lm_geometry.embed.meta import States, found_in, has_loss, meta_of
from lm_geometry.embed.params import Embed
from lm_geometry.embed.placement import gpus_of, load_placed
from lm_geometry.embed.prompts.run import forget_revision, prompted
from lm_geometry.embed.queries.run import QueryRun, write_queries
from lm_geometry.embed.shards import LOSSES, Shard, gather, shards
from lm_geometry.embed.token_table import TokenisedCorpus, shareable_table
from lm_geometry.models.arithmetic.saved_model import load_model as load_arithmetic
from lm_geometry.models.as_recorded import refuse_replaced_step
from lm_geometry.outs.data_prep.corpora import CorpusSplit, EvaluatedCorpora
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.embed.hidden_states import Embedded, write_index
from lm_geometry.outs.embed.private_tokens import write_private_tokens
from lm_geometry.outs.finetune.checkpoints import Checkpoint
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.cells import Cells, room_for_cells
from lm_geometry.workspace.points import ends, named
from lm_geometry.workspace.tables import write_table
from lm_geometry.workspace.work import Cell

# What decides neither which states one checkpoint has nor their values.
OF_OTHERS = {"checkpoints", "prompts", "delete_revisions", "store", "queries"}


@dataclass(frozen=True)
class Embedding:
    """One model's forward passes over the tokenised corpora, of which a cell is a shard."""

    source: ModelSource
    settings: Embed
    seed: int
    tokenizer: PreTrainedTokenizerBase | None
    checkpoints: Mapping[str, Checkpoint]
    evaluated: EvaluatedCorpora
    corpora: dict[CorpusSplit, TokenisedCorpus]
    texts: dict[str, str]  # hashes, of before they were read
    queries: QueryRun
    tells = True
    memory_on_a_core = 0

    @property
    def layers(self) -> list[int]:
        """The layers that are read, by number."""
        return self.source.resolved_layers(self.settings.layers, self.settings.points)

    @property
    def stored(self) -> dict[int, int]:
        """Width of each stored array by layer number; -1 is a combination of layers."""
        return needs.arrays(self.layers, self.source.width, self.settings.combine_layers)

    @property
    def gpus(self) -> Literal["none", "one", "all"]:
        """As many as its weights take."""
        return gpus_of(self.source, self.settings.dtype)

    @cached_property
    def shards(self) -> dict[CorpusSplit, dict[str, Shard]]:
        """By split and the name of their cell; a split of one shard has no cell but its own."""
        found: dict[CorpusSplit, dict[str, Shard]] = {}
        for split, corpus in self.corpora.items():
            parts = self._parts(split, corpus)
            names = [f"{name_of(split)}.shards/{i:05d}" for i in range(len(parts))]
            names = names if len(parts) > 1 else [name_of(split)]
            found[split] = dict(zip(names, parts, strict=True))
        return found

    def _parts(self, split: CorpusSplit, corpus: TokenisedCorpus) -> list[Shard]:
        if split in self.queries.queries and self.settings.mode == "regular":
            return self.queries.parts(split, corpus)
        return shards(corpus, self.settings, self.source.kind)

    @cached_property
    def folders(self) -> dict[str, Cells]:
        """The scratch folder of each checkpoint."""
        return {name: Cells("embed", self._inputs(one)) for name, one in self.checkpoints.items()}

    @cached_property
    def cells(self) -> list[Cell]:
        """Every shard of every split under every checkpoint; `files[0]` is the shard's name."""
        found: list[Cell] = []
        for checkpoint, within in self.folders.items():
            for split, parts in self.shards.items():
                whole = files_of(split)
                if len(parts) > 1 and not machine.is_worker():
                    within.check_recorded(whole)
                for name, shard in parts.items():
                    kept = ((name,), whole) if len(parts) > 1 else (whole, ())
                    group = f"embed {checkpoint}"
                    found.append(Cell(f"{checkpoint} {name}", group, shard.size, within, *kept))
        return found

    def print_needs(self) -> None:
        """Print the disk that the hidden states take; raises OSError where it is not there."""
        tokens = sum(len(corpus.kept) for corpus in self.corpora.values())
        widths = [*self.stored.values()]
        needed = needs.hidden_states(tokens, widths, len(self.checkpoints))
        largest = max(
            (len(c.kept) for s, c in self.corpora.items() if len(self.shards[s]) > 1), default=0
        )
        needed += needs.hidden_states(largest, widths, 1)  # beside its shards, while it is gathered
        what = f"hidden states of {tokens:,} tokens"
        room_for_cells(needed, "embed", paths.HIDDEN_STATES, what)
        self.queries.print_needs(self.stored, len(self.checkpoints))

    def opened(self, group: str) -> Callable[[Cell], None]:
        """Computes shards under one checkpoint, which it has loaded."""
        states = self.load(self.checkpoint(group))
        by_name = {name: shard for parts in self.shards.values() for name, shard in parts.items()}
        return lambda cell: self._keep(states, cell, by_name[cell.files[0]])

    def ended(self, group: str) -> None:
        """What was downloaded of a step goes, where that is asked for and prompts need it not."""
        checkpoint = self.checkpoint(group)
        if checkpoint.name not in {one.name for one in prompted(self.settings)}:
            forget_revision(checkpoint, self.settings)

    def gather(self) -> None:
        """Write data/hidden_states, data/losses and the token tables."""
        for checkpoint, cells in self.folders.items():
            for split, parts in self.shards.items():
                states, losses = whole = files_of(split)
                if len(parts) > 1 and not all(map(cells.has, whole)):
                    gather(cells, whole, parts)
                folder = paths.cell(paths.HIDDEN_STATES, checkpoint, split.corpus, split.split)
                cells.publish(states, to=folder)
                self.queries.write_stored(split, cells, self.stored, f"{checkpoint} {states}")
                self.queries.publish(checkpoint, split, cells, self.stored)
                cells.publish(losses, to=paths.losses(checkpoint, split.corpus, split.split))
        self.write_tables()
        for cells in self.folders.values():
            cells.published()

    def write_tables(self) -> None:
        """Write the token tables, the queries and what there is of states."""
        for split, corpus in self.corpora.items():
            shared = shareable_table(corpus.kept) if split.private else corpus.kept
            write_table(paths.tokens(split.corpus, split.split), shared)
            if split.private:
                write_private_tokens(split, self.source.source, list(corpus.kept["token"]))
        write_queries(self.queries)
        write_index(self._index())

    def _index(self) -> Embedded:
        names, layers, given = [*self.checkpoints], list(self.stored), self.evaluated
        _, depth = ends(self.settings.points, self.source.layers)
        points = named(self.settings.points)
        return Embedded(names, given.splits, layers, depth, given.order, points)

    def checkpoint(self, group: str) -> Checkpoint:
        """The checkpoint whose cells are a group."""
        return self.checkpoints[group.removeprefix("embed ")]

    def _inputs(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "model": replace(self.source, series=[]).record(),
            "embed": self._described,
            "seed": self.seed,
            "checkpoint": checkpoint.identity(),
            "corpora": self.texts,
        } | ({"store": "none"} if self.queries.streamed else {})

    @property
    def _described(self) -> dict[str, Any]:
        """The settings that decide which bits the states of one checkpoint have."""
        return self.settings.model_dump(exclude=OF_OTHERS) | self.queries.inputs()

    def load(self, checkpoint: Checkpoint) -> States:
        """The model of a checkpoint, ready for its passes."""
        device, reason = machine.device()
        dtype, why = arithmetic(self.settings.dtype, device)
        print(f"embedding {checkpoint.name} on {device} ({reason}), {dtype} ({why})", flush=True)
        if self.tokenizer is None:
            assert checkpoint.folder is not None  # base has one where all is learned
            return EquationStates(load_arithmetic(checkpoint.folder), device, self.layers)
        if checkpoint.source is not None:
            refuse_replaced_step(checkpoint.source)
        model = load_placed(checkpoint.source or self.source, checkpoint.folder, device, dtype)
        on_device = (model, device, dtype, pad_id(self.tokenizer), self.layers)
        place = self.source.half, self.settings.points
        if self.settings.mode == "masked_token":
            mask_id = self.tokenizer.mask_token_id
            assert isinstance(mask_id, int)  # `check_mode` saw to it
            states = MaskedTokenStates(*on_device, mask_id, *place)
        else:
            states = HiddenStates(*on_device, *place)
        check_sizes(self.source, states)
        print(f"{self.source.name}: {states.findings.told()}; {states.place.told()}", flush=True)
        return states

    def _keep(self, states: States, cell: Cell, shard: Shard) -> None:
        """Compute a shard, as its passes alone make it, and keep it as a cell."""
        tokens, name = len(shard.rows), cell.files[0]
        shapes = {paths.layer_file(layer): (tokens, width) for layer, width in self.stored.items()}
        of_shard = {} if len(cell.files) > 1 else {LOSSES: (tokens,)}
        losses = np.full(tokens, np.nan, dtype=np.float32)
        wanted = losses if has_loss(self.source, states, self.settings) else None
        states.afresh()
        meta = self.meta(states, tokens)
        with array_folder(cell.within.path(name), shapes | of_shard, meta) as arrays:
            layers = {file: arrays[file] for file in shapes}
            states.write(shard.corpus, self.settings, layers, wanted, cell.name)
            if of_shard:
                arrays[LOSSES][:] = losses
            for file in cell.files[1:]:
                write_array(cell.within.path(file), losses)
            meta |= found_in(states)  # padding may have been found to change states in between
        for file in reversed(cell.files):
            cell.within.finish(file)

    def meta(self, states: States, tokens: int) -> dict[str, Any]:
        """What meta.json says of states of so many tokens."""
        return meta_of(states, self.settings, self.layers, tokens, self._described)


def files_of(split: CorpusSplit) -> tuple[str, str]:
    """The cells of a whole split: states and losses."""
    return name_of(split), f"{name_of(split)}.npy"


def name_of(split: CorpusSplit) -> str:
    """The name of a split in messages and cells."""
    return f"{split.corpus}-{split.split}"
