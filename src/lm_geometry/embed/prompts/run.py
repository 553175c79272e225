"""The geometry of every prompt and layer, reduced while the states are on the device."""

from dataclasses import dataclass, replace

from lm_geometry.embed.forward_pass import ForwardPass, arithmetic, pad_id, predicts_next
from lm_geometry.embed.needs import prompt_records
from lm_geometry.embed.params import Embed
from lm_geometry.embed.placement import load_placed
from lm_geometry.embed.prompts.record import prompt_record
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
from lm_geometry.workspace.progress import progress


def embed_prompts(source: ModelSource, settings: Embed) -> None:
    """Write data/prompt_neighbours: a record for every (checkpoint, prompt, shuffle).

    A cell is one record; finished ones outlive an interruption. With `LM_GEOMETRY_SHARD` only
    cells of that part of the prompts are finished and nothing is written to its place: a run
    without it then takes what all the shards have finished.
    """
    run = PromptRun(source, settings, read_prompts())
    checkpoints = prompted(settings)
    records = run.records(checkpoints)
    mine = set(machine.part_of(records.prompts))
    _print_needs(records, settings)
    done = {checkpoint.name: run.cells(checkpoint) for checkpoint in checkpoints}
    for checkpoint in checkpoints:
        cells = done[checkpoint.name]
        own = [c for c in records.clouds() if c.checkpoint == checkpoint.name and c.prompt in mine]
        run.finish(checkpoint, [c for c in own if not cells.has(c.file)], cells)
        forget_revision(checkpoint, settings)
    if machine.machine().shard:
        return
    for cloud in records.clouds():
        done[cloud.checkpoint].publish(cloud.file, to=paths.PROMPT_NEIGHBOURS / cloud.file)
    write_index(records)
    for cells in done.values():
        cells.published()


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


def _print_needs(records: PromptRecords, settings: Embed) -> None:
    """Print the disk that the records take; raises OSError where it is not there."""
    number, chosen = len(list(records.clouds())), settings.prompts
    sizes = number, records.tokens, len(records.layers), chosen.gride_range, chosen.overlap_k
    what = f"prompts, {number} records" if number else f"prompts: {records.nothing}"
    room_for_cells(prompt_records(*sizes), "embed", paths.PROMPT_NEIGHBOURS, what)


@dataclass(frozen=True)
class PromptRun:
    """One model's forward passes over the prompts."""

    source: ModelSource
    settings: Embed
    prompts: PreparedPrompts

    @property
    def layers(self) -> list[int]:
        """The layers that are measured, ascending."""
        asked, points = self.settings.prompts.layers, self.settings.points
        return sorted(self.source.resolved_layers(asked, points))

    def records(self, checkpoints: list[Checkpoint]) -> PromptRecords:
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
            checkpoints=[checkpoint.name for checkpoint in checkpoints],
            prompts=self.prompts.numbers,
            shuffles=index.shuffles,
            layers=self.layers,
            nothing=index.nothing,
        )

    def cells(self, checkpoint: Checkpoint) -> Cells:
        """The scratch folder of one checkpoint's records."""
        inputs = {
            "model": replace(self.source, series=[]).record(),
            "prompts": path_hash(paths.PROMPTS),
            "settings": self.settings.prompts.model_dump(exclude={"checkpoints"}),
            "points": named(self.settings.points),
            "dtype": self.settings.dtype,
            "loss": self.settings.loss,
            "checkpoint": checkpoint.identity(),
        }
        return Cells("embed", inputs)

    def finish(self, checkpoint: Checkpoint, todo: list[PromptCloud], cells: Cells) -> None:
        """Write the records `todo` of one checkpoint into its cells."""
        if not todo:
            return
        device, reason = machine.device()
        dtype, why = arithmetic(self.settings.dtype, device)
        print(
            f"prompts under {checkpoint.name} on {device} ({reason}), {dtype} ({why})", flush=True
        )
        tokenizer = load_tokenizer(self.source)
        ids = dict(zip(self.prompts.numbers, self.prompts.token_ids(tokenizer), strict=True))
        model = load_placed(checkpoint.source or self.source, checkpoint.folder, device, dtype)
        on_device = (model, device, dtype, pad_id(tokenizer), self.layers)
        states = ForwardPass(*on_device, self.source.half, self.settings.points)
        loss = self.settings.loss and predicts_next(self.source, states)
        for cloud in progress(todo, f"{checkpoint.name} prompts"):
            shuffled = ids[cloud.prompt][self.prompts.positions(cloud.prompt, cloud.shuffle)]
            record = prompt_record(states, shuffled, self.settings.prompts, loss)
            write_record(cells.path(cloud.file), record)
            cells.finish(cloud.file)
