"""The geometry of every prompt and layer, reduced while the states are on the device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from lm_geometry.embed.forward_pass import ForwardPass, arithmetic, pad_id, predicts_next
from lm_geometry.embed.needs import prompt_records
from lm_geometry.embed.params import Embed
from lm_geometry.embed.placement import gpus_of, load_placed
from lm_geometry.embed.prompts.record import prompt_record
from lm_geometry.models.as_recorded import refuse_replaced_step
from lm_geometry.models.hub_weights import delete_revision
from lm_geometry.models.load import load_tokenizer
from lm_geometry.models.sources import parse
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.data_prep.prompts import PreparedPrompts, read_prompts
from lm_geometry.outs.embed.prompts import PromptCloud, PromptRecords, write_index, write_record
from lm_geometry.outs.finetune.checkpoints import Checkpoint, read_checkpoints
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.cells import Cells, room_for_cells
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.points import named
from lm_geometry.workspace.work import Cell, Execute, finish, in_order


def embed_prompts(source: ModelSource, settings: Embed, execute: Execute = in_order) -> None:
    """Write data/prompt_neighbours: a record for every (checkpoint, prompt, shuffle).

    A cell is one record; finished ones outlive an interruption.
    """
    finish("embed", [prompt_run(source, settings)], execute)


def prompt_run(source: ModelSource, settings: Embed) -> "PromptRun":
    """The forward passes over all prompts, of which nothing is computed yet."""
    checkpoints = {checkpoint.name: checkpoint for checkpoint in prompted(settings)}
    run = PromptRun(source, settings, read_prompts(), checkpoints)
    run.print_needs()
    return run


def forget_revision(checkpoint: Checkpoint, settings: Embed) -> None:
    """Delete what was downloaded of a step of `model.checkpoints`, where that is asked for."""
    if settings.delete_revisions and checkpoint.source is not None:
        source = parse(checkpoint.source.source)
        if source.scheme == "hub":
            delete_revision(source)


def prompted(settings: Embed) -> list[Checkpoint]:
    """The checkpoints under which prompts are measured."""
    asked = settings.prompts.checkpoints
    return read_checkpoints([] if asked == "base" else asked)


@dataclass(frozen=True)
class PromptRun:
    """One model's forward passes over the prompts, of which a cell is one record."""

    source: ModelSource
    settings: Embed
    prompts: PreparedPrompts
    checkpoints: Mapping[str, Checkpoint]
    tells = False
    memory_on_a_core = 0

    @property
    def layers(self) -> list[int]:
        """The layers that are measured, ascending."""
        asked, points = self.settings.prompts.layers, self.settings.points
        return sorted(self.source.resolved_layers(asked, points))

    @property
    def gpus(self) -> Literal["none", "one", "all"]:
        """As many as the model's weights take."""
        return gpus_of(self.source, self.settings.dtype)

    @cached_property
    def records(self) -> PromptRecords:
        """What there will be."""
        index = self.prompts.index
        return PromptRecords(
            model=self.source.name,
            corpus=index.corpus,
            split=index.split,
            unit=index.unit,
            tokens=index.tokens,
            drop_first=self.settings.prompts.drop_first,
            window=self.settings.prompts.window,
            checkpoints=[*self.checkpoints],
            prompts=self.prompts.numbers,
            shuffles=index.shuffles,
            layers=self.layers,
            nothing=index.nothing,
        )

    @cached_property
    def folders(self) -> dict[str, Cells]:
        """The scratch folder of each checkpoint's records."""
        return {name: Cells("embed", self._inputs(one)) for name, one in self.checkpoints.items()}

    @cached_property
    def clouds(self) -> dict[str, PromptCloud]:
        """What each cell is of, by its name."""
        return {cloud.file: cloud for cloud in self.records.clouds()}

    @cached_property
    def cells(self) -> list[Cell]:
        """Every record, in its order."""
        folders, tokens = self.folders, self.records.tokens
        return [
            Cell(file, f"{one.checkpoint} prompts", tokens, folders[one.checkpoint], (file,))
            for file, one in self.clouds.items()
        ]

    def print_needs(self) -> None:
        """Print the disk that the records take; raises OSError where it is not there."""
        records, chosen = self.records, self.settings.prompts
        number = len(self.clouds)
        sizes = number, records.tokens, len(records.layers), chosen.gride_range, chosen.overlap_k
        what = f"prompts, {number} records" if number else f"prompts: {records.nothing}"
        room_for_cells(prompt_records(*sizes), "embed", paths.PROMPT_NEIGHBOURS, what)

    def opened(self, group: str) -> Callable[[Cell], None]:
        """Measures prompts under one checkpoint, which it has loaded."""
        checkpoint = self._checkpoint(group)
        device, reason = machine.device()
        dtype, why = arithmetic(self.settings.dtype, device)
        print(
            f"prompts under {checkpoint.name} on {device} ({reason}), {dtype} ({why})", flush=True
        )
        tokenizer = load_tokenizer(self.source)
        ids = dict(zip(self.prompts.numbers, self.prompts.token_ids(tokenizer), strict=True))
        if checkpoint.source is not None:
            refuse_replaced_step(checkpoint.source)
        model = load_placed(checkpoint.source or self.source, checkpoint.folder, device, dtype)
        on_device = (model, device, dtype, pad_id(tokenizer), self.layers)
        states = ForwardPass(*on_device, self.source.half, self.settings.points)
        loss = self.settings.loss and predicts_next(self.source, states)

        def compute(cell: Cell) -> None:
            cloud = self.clouds[cell.name]
            shuffled = ids[cloud.prompt][self.prompts.positions(cloud.prompt, cloud.shuffle)]
            record = prompt_record(states, shuffled, self.settings.prompts, loss)
            write_record(cell.within.path(cloud.file), record)
            cell.within.finish(cloud.file)

        return compute

    def ended(self, group: str) -> None:
        """What was downloaded of a step goes, where that is asked for."""
        forget_revision(self._checkpoint(group), self.settings)

    def gather(self) -> None:
        """Write data/prompt_neighbours."""
        for group in self.checkpoints:  # also of those without a prompt
            self.ended(group)
        for file, cloud in self.clouds.items():
            cells = self.folders[cloud.checkpoint]
            cells.publish(file, to=paths.PROMPT_NEIGHBOURS / file)
        write_index(self.records)
        for cells in self.folders.values():
            cells.published()

    def _checkpoint(self, group: str) -> Checkpoint:
        return self.checkpoints[group.removesuffix(" prompts")]

    def _inputs(self, checkpoint: Checkpoint) -> dict[str, Any]:
        return {
            "model": replace(self.source, series=[]).record(),
            "prompts": path_hash(paths.PROMPTS),
            "settings": self.settings.prompts.model_dump(exclude={"checkpoints"}),
            "points": named(self.settings.points),
            "dtype": self.settings.dtype,
            "loss": self.settings.loss,
            "checkpoint": checkpoint.identity(),
        }
