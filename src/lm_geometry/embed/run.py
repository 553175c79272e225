"""Hidden states of every checkpoint, corpus split and layer of a pipeline run."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from lm_geometry.embed import needs
from lm_geometry.embed.equations import EquationStates, equation_tokens
from lm_geometry.embed.forward_pass import arithmetic, check_sizes, pad_id
from lm_geometry.embed.hidden_states import HiddenStates
from lm_geometry.embed.masked_token import MaskedTokenStates
from lm_geometry.embed.meta import States, found_in, has_loss, meta_of
from lm_geometry.embed.modes import check_mode
from lm_geometry.embed.params import Embed
from lm_geometry.embed.placement import load_placed
from lm_geometry.embed.prompts.run import embed_prompts, forget_revision, prompted
from lm_geometry.embed.queries.run import QueryRun, write_queries
from lm_geometry.embed.token_table import TokenisedCorpus, refuse_texts, shareable_table, tokenise
from lm_geometry.models.arithmetic.saved_model import load_model as load_arithmetic
from lm_geometry.models.load import load_tokenizer, refuse_replaced
from lm_geometry.outs.data_prep.corpora import CorpusSplit, read_evaluated
from lm_geometry.outs.data_prep.model import ModelSource, read_model_source
from lm_geometry.outs.embed.hidden_states import Embedded, write_index
from lm_geometry.outs.embed.private_tokens import write_private_tokens
from lm_geometry.outs.finetune.checkpoints import Checkpoint, read_checkpoints, with_sizes
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.arrays import array_folder, write_array
from lm_geometry.workspace.cells import Cells, room_for_cells
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.points import ends, named
from lm_geometry.workspace.seeds import read_seed, stream
from lm_geometry.workspace.tables import write_table

# What decides neither which states one checkpoint has nor their values.
OF_OTHERS = {"checkpoints", "prompts", "delete_revisions", "store", "queries"}


def run() -> None:
    """Write the hidden states of corpora, and the records of prompts, as params.yaml says.

    A shard (`LM_GEOMETRY_SHARD`) is a part of the prompts, and of corpora that are streamed.
    """
    source, settings = with_sizes(read_model_source()), Embed.read()
    refuse_replaced(source)
    if not machine.machine().shard or settings.store == "none":
        embed(source, settings, read_seed())
    embed_prompts(source, settings)


def embed(source: ModelSource, settings: Embed, seed: int) -> None:
    """Write data/hidden_states, data/losses and the token tables of a pipeline run.

    A cell is one (checkpoint, corpus split). Finished cells outlive an interruption. Raises
    ValueError where `embed.mode` does not fit the model, or a column not the corpus.
    """
    checkpoints = read_checkpoints(settings.checkpoints)
    tokenizer = None if source.kind == "arithmetic" else load_tokenizer(source)
    check_mode(source, settings, tokenizer)
    evaluated = read_evaluated()
    texts = {_name(s): s.private or path_hash(s.folder()) for s in evaluated.splits}
    first = source.reads_onwards
    corpora = {s: _tokenised(tokenizer, settings, s, seed, first) for s in evaluated.splits}
    queries = QueryRun.of(corpora, settings, seed)
    run = Embedding(source, settings, seed, tokenizer, corpora, texts, queries)
    run.print_needs(len(checkpoints))
    still_needed = {checkpoint.name for checkpoint in prompted(settings)}
    done = []
    for checkpoint in checkpoints:
        done.append(run.embed(checkpoint))
        if checkpoint.name not in still_needed and not queries.part:
            forget_revision(checkpoint, settings)
    if run.queries.part:
        return
    for split, corpus in run.corpora.items():
        shared = shareable_table(corpus.kept) if split.private else corpus.kept
        write_table(paths.tokens(split.corpus, split.split), shared)
        if split.private:
            write_private_tokens(split, source.source, list(corpus.kept["token"]))
    write_queries(queries)
    names, splits, layers = [c.name for c in checkpoints], evaluated.splits, list(run.stored)
    (_, depth), points = ends(settings.points, source.layers), named(settings.points)
    write_index(Embedded(names, splits, layers, depth, evaluated.order, points))
    for cells in done:
        cells.published()


def _tokenised(
    tokenizer: PreTrainedTokenizerBase | None,
    settings: Embed,
    split: CorpusSplit,
    seed: int,
    context_first: bool,
) -> TokenisedCorpus:
    generator = stream(seed, "embed", split.corpus, split.split)
    try:
        if tokenizer is None:
            return equation_tokens(split.read(), settings, generator)
        corpus = tokenise(split.read(), tokenizer, settings, generator, context_first)
        if split.private:
            refuse_texts(corpus.kept, ["label", *settings.columns])
    except ValueError as error:
        raise ValueError(f"{_name(split)}: {error}") from None
    return corpus


@dataclass(frozen=True)
class Embedding:
    """One model's forward passes over the tokenised corpora."""

    source: ModelSource
    settings: Embed
    seed: int
    tokenizer: PreTrainedTokenizerBase | None
    corpora: dict[CorpusSplit, TokenisedCorpus]
    texts: dict[str, str]  # hashes, of before they were read
    queries: QueryRun

    @property
    def layers(self) -> list[int]:
        """The layers that are read, by number."""
        return self.source.resolved_layers(self.settings.layers, self.settings.points)

    @property
    def stored(self) -> dict[int, int]:
        """Width of each stored array by layer number; -1 is a combination of layers."""
        return needs.arrays(self.layers, self.source.width, self.settings.combine_layers)

    def print_needs(self, checkpoints: int) -> None:
        """Print the disk that the hidden states take; raises OSError where it is not there."""
        tokens = sum(len(corpus.kept) for corpus in self.corpora.values())
        self.queries.print_needs(self.stored, checkpoints)
        if self.queries.streamed:
            return
        needed = needs.hidden_states(tokens, [*self.stored.values()], checkpoints)
        what = f"hidden states of {tokens:,} tokens"
        room_for_cells(needed, "embed", paths.HIDDEN_STATES, what)

    def embed(self, checkpoint: Checkpoint) -> Cells:
        """Finish the cells of one checkpoint and link them to their places."""
        cells = Cells("embed", self._inputs(checkpoint))
        todo = {s: corpus for s, corpus in self.corpora.items() if not self._has(cells, s)}
        states = self._load(checkpoint) if todo else None
        for split, corpus in todo.items():
            assert states is not None
            finish = self._stream if self.queries.streamed else self._finish
            finish(states, checkpoint, split, corpus, cells)
        for split in self.corpora if not self.queries.part else ():
            if not self.queries.streamed:
                what = f"{checkpoint.name} {_name(split)}"
                self.queries.write_stored(split, cells, self.stored, what)
                folder = paths.cell(paths.HIDDEN_STATES, checkpoint.name, split.corpus, split.split)
                cells.publish(_name(split), to=folder)
            self.queries.publish(checkpoint.name, split, cells, self.stored)
            losses = paths.losses(checkpoint.name, split.corpus, split.split)
            cells.publish(f"{_name(split)}.npy", to=losses)
        return cells

    def _has(self, cells: Cells, split: CorpusSplit) -> bool:
        if not cells.has(f"{_name(split)}.npy"):
            return False
        if self.queries.streamed:  # losses come last: before, lists are not looked at, nor removed
            return self.queries.has(cells, split, self.stored)
        return cells.has(_name(split))

    @property
    def _described(self) -> dict[str, Any]:
        """The settings that decide which bits the states of one checkpoint have."""
        return self.settings.model_dump(exclude=OF_OTHERS) | self.queries.inputs()

    def _inputs(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "model": replace(self.source, series=[]).record(),
            "embed": self._described,
            "seed": self.seed,
            "checkpoint": checkpoint.identity(),
            "corpora": self.texts,
        } | ({"store": "none"} if self.queries.streamed else {})

    def _load(self, checkpoint: Checkpoint) -> States:
        device, reason = machine.device()
        dtype, why = arithmetic(self.settings.dtype, device)
        print(f"embedding {checkpoint.name} on {device} ({reason}), {dtype} ({why})", flush=True)
        if self.tokenizer is None:
            assert checkpoint.folder is not None  # base has one where all is learned
            return EquationStates(load_arithmetic(checkpoint.folder), device, self.layers)
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

    def _finish(
        self,
        states: States,
        checkpoint: Checkpoint,
        split: CorpusSplit,
        corpus: TokenisedCorpus,
        cells: Cells,
    ) -> None:
        tokens = len(corpus.kept)
        shapes = {paths.layer_file(layer): (tokens, width) for layer, width in self.stored.items()}
        losses = np.full(tokens, np.nan, dtype=np.float32)
        wanted = losses if has_loss(self.source, states, self.settings) else None
        meta = self._meta(states, tokens)
        with array_folder(cells.path(_name(split)), shapes, meta) as arrays:
            given = corpus, self.settings, arrays, wanted, f"{checkpoint.name} {_name(split)}"
            if isinstance(states, HiddenStates) and self.queries.queries:
                states.pass_through(self.queries.passes(split, corpus), *given)
            else:
                states.write(*given)
            write_array(cells.path(f"{_name(split)}.npy"), losses)
            meta |= found_in(states)  # padding may have been found to change states in between
        cells.finish(f"{_name(split)}.npy")
        cells.finish(_name(split))

    def _stream(
        self,
        states: States,
        checkpoint: Checkpoint,
        split: CorpusSplit,
        corpus: TokenisedCorpus,
        cells: Cells,
    ) -> None:
        assert isinstance(states, HiddenStates)  # `check_mode` saw to it
        loss = has_loss(self.source, states, self.settings)
        given = states, split, corpus, cells, self.stored, loss
        streamed = self.queries.stream(*given, f"{checkpoint.name} {_name(split)}")
        if not self.queries.part:
            meta = self._meta(states, len(corpus.kept))
            self.queries.write_streamed(streamed, states, split, cells, self.stored, meta)

    def _meta(self, states: States, tokens: int) -> dict[str, Any]:
        return meta_of(states, self.settings, self.layers, tokens, self._described)


def _name(split: CorpusSplit) -> str:
    return f"{split.corpus}-{split.split}"
