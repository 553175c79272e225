"""One fine-tuning run, which resumes exactly where it was interrupted."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from transformers import PreTrainedTokenizerBase, PrinterCallback

from lm_geometry.finetune.arguments import training_arguments
from lm_geometry.finetune.begun_together import begin_together
from lm_geometry.finetune.checkpointing import (
    KeepCheckpoints,
    checkpoint_bytes,
    last_complete,
)
from lm_geometry.finetune.division import division
from lm_geometry.finetune.history import Watched, measured_so_far
from lm_geometry.finetune.kept_steps import whole_steps
from lm_geometry.finetune.launched import launch
from lm_geometry.finetune.learnable import judge_columns
from lm_geometry.finetune.learned_columns import learned_columns
from lm_geometry.finetune.live_curves import Watch
from lm_geometry.finetune.measured import Records
from lm_geometry.finetune.observed import Observer, held_out_texts
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.reporting import reporting
from lm_geometry.finetune.scored_splits import scored_splits
from lm_geometry.finetune.scored_trainer import ScoredTrainer
from lm_geometry.finetune.spread_weights import is_spread
from lm_geometry.finetune.tasks.blocks import ExampleStream
from lm_geometry.finetune.tasks.causal_lm import CausalLM
from lm_geometry.finetune.tasks.dialogue_state import DialogueState
from lm_geometry.finetune.tasks.dialogue_turns import Ontology
from lm_geometry.finetune.tasks.masked_lm import MaskedLM
from lm_geometry.finetune.tasks.sequence_classification import SequenceClassification
from lm_geometry.finetune.tasks.sequence_to_sequence import SequenceToSequence
from lm_geometry.finetune.tasks.task import Task
from lm_geometry.finetune.tasks.token_classification import TokenClassification
from lm_geometry.finetune.together import ALONE, Processes
from lm_geometry.finetune.told_steps import ToldSteps
from lm_geometry.finetune.trainable import trainable
from lm_geometry.models.load import load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.corpora import Columns
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import free_space, read_json, write_json
from lm_geometry.workspace.manifest import is_whole, write_manifest
from lm_geometry.workspace.progress import under_way


def finetune(
    source: ModelSource,
    settings: Finetune,
    training: Columns,
    held_out: Columns,
    work: Path,
    watch: Watch | None = None,
    *,
    test: Columns | None = None,
    ontology: Ontology | None = None,
    observer: Observer | None = None,
) -> Records:
    """What a fine-tuning run measured: its `steps`, `curve` and `scores`.

    `steps` are the kept ones; `curve` has records of `step`, `curve` and `loss` (natural log, mean
    over all predicted tokens or sequences), `scores` of `step`, `score` and `value`, from step 0,
    the base model, and of `split` where it is of another than the held-out one. `test` is needed
    where `finetune.score` has it; `ontology` are the slots of dialogue_state. The checkpoint of
    step s stands in `work/checkpoints/s` when this returns: adapters for method `lora`, else the
    whole model, in Hugging Face layout. Trainer state is kept below `work`; called again after an
    interruption, training goes on from the last of it, and every byte is that of an uninterrupted
    run on the same machine. `watch` is called after each step with a function that returns what
    was measured so far; it changes nothing. Neither does the `observer`, which measures what
    `finetune.watch` asks for: `watched`.

    Where `LM_GEOMETRY_TRAINING_PROCESSES` asks for several processes they train together, each a
    part of every batch; this one starts them and waits. Raises ValueError where they cannot share
    the batch evenly, and where one of them ends: all then do.
    """
    finished = work / "records.json"
    if is_whole(finished):
        return read_json(finished)
    count = machine.machine().training_processes
    given = source, settings, training, held_out, work, watch, test, ontology, observer
    if count == 1:
        _train(ALONE, *given)
    else:
        division(settings, 0, count)
        machine.refuse_more_processes(count)
        launch(count, _train, *given, logs=work / "processes")
        shutil.rmtree(work / "processes")
    return read_json(finished)


def _train(
    together: Processes,
    source: ModelSource,
    settings: Finetune,
    training: Columns,
    held_out: Columns,
    work: Path,
    watch: Watch | None,
    test: Columns | None,
    ontology: Ontology | None,
    observer: Observer | None,
) -> None:
    """One process's part of the run; the first writes records.json when all is done."""
    parts = {"train": training, "validation": held_out}
    if test is not None and "test" in settings.score:
        parts["test"] = test
    task = _judged(source, settings, parts, ontology)
    examples = task.training_examples(training)
    if not examples:
        raise ValueError(_nothing(settings))
    steps = number_of_steps(settings, len(examples))
    kept = settings.kept(steps, len(examples))
    if not kept or kept[-1] > steps:
        raise ValueError(
            f"finetune.checkpoints: {kept or 'none'} must lie within 1 … {steps} steps"
        )
    with quiet_loading(), reporting(settings, source):
        trainer = _trainer(source, settings, task, steps, kept, work, together)
        length = steps * settings.batch_size * settings.accumulate
        trainer.train_dataset = ExampleStream(examples, length, settings.seed)
        trainer.scored = scored_splits(settings, task, parts)
        if together.count > 1:
            begin_together(trainer)
        if observer is not None:
            _observe(trainer, observer, settings, source, held_out, work)
        if watch is not None and together.leads:
            trainer.add_callback(Watched(watch, observer))
        resumed = together.agreed(last_complete(work / "trainer") if together.leads else None)
        trainer.args.eval_on_start = resumed is None
        with under_way("fine-tuning, steps", steps) as told:
            trainer.add_callback(ToldSteps(told))
            trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    together.wait()
    if together.leads:
        records: Records = {"steps": kept, **measured_so_far(trainer.state.log_history, observer)}
        write_json(work / "records.json", records)
        write_manifest(work / "records.json")
        shutil.rmtree(work / "trainer")


def _observe(
    trainer: ScoredTrainer,
    observer: Observer,
    settings: Finetune,
    source: ModelSource,
    held_out: Columns,
    work: Path,
) -> None:
    """Have the trainer measured as `finetune.watch` asks, if it does."""
    if settings.watch != "none":
        place = source.half, work / "trainer"
        texts = held_out_texts(settings, held_out, trainer.task.tokenizer, *place)
        trainer.add_callback(observer.callback(settings.watch, texts))


def _judged(
    source: ModelSource,
    settings: Finetune,
    parts: Mapping[str, Columns],
    ontology: Ontology | None,
) -> Task:
    """The task, once the columns that it learns and is scored from were looked at."""
    for sentence in judge_columns(settings, parts, ontology or {}):
        print(sentence, flush=True)
    task = make_task(settings, load_tokenizer(source), *parts.values(), ontology=ontology)
    task.context_first = source.reads_onwards
    return task


def make_task(
    settings: Finetune,
    tokenizer: PreTrainedTokenizerBase,
    *parts: Columns,
    ontology: Ontology | None = None,
) -> Task:
    """The task of the settings; names of classes are those of all `parts` of the corpus, of which
    the first is learned from."""
    if settings.task == "sequence_classification":
        return SequenceClassification(tokenizer, settings, *parts)
    if settings.task == "token_classification":
        return TokenClassification(tokenizer, settings, *parts)
    if settings.task == "sequence_to_sequence":
        return SequenceToSequence(tokenizer, settings, *parts)
    if settings.task == "dialogue_state":
        return DialogueState(tokenizer, settings, ontology or {}, *parts)
    return (MaskedLM if settings.task == "masked_lm" else CausalLM)(tokenizer, settings)


def _nothing(settings: Finetune) -> str:
    columns = " and ".join(learned_columns(settings))
    of = f"of data_prep.train has a text with {columns}" if columns else "is long enough"
    return f"finetune.task: {settings.task} has nothing to learn from: no training sequence {of}"


def number_of_steps(settings: Finetune, examples: int) -> int:
    """Optimiser steps of the run; an epoch is as many examples as there are, the last cut up."""
    if settings.steps is not None:
        return settings.steps
    assert settings.epochs is not None  # the section has one of them
    return whole_steps(settings.epochs, examples, settings.batch_size * settings.accumulate)


def _trainer(
    source: ModelSource,
    settings: Finetune,
    task: Task,
    steps: int,
    kept: list[int],
    work: Path,
    together: Processes,
) -> ScoredTrainer:
    device, reason = machine.device()
    if settings.precision == "float16" and device == "cpu":
        raise SystemExit(
            "finetune.precision: float16 needs an accelerator, and this run is on the CPU "
            f"({reason}); take float32 or bfloat16"
        )
    own = division(settings, together.rank, together.count)
    told = f", {together.count} processes" if together.count > 1 else ""
    print(f"fine-tuning on {device} ({reason}), {settings.precision}{told}", flush=True)
    model = trainable(source, settings, task)
    spread = together.agreed(together.count > 1 and is_spread(model, device))
    together = replace(together, spread=spread)
    free_space(checkpoint_bytes(model, len(kept)), work, f"{len(kept)} checkpoints")
    trainer = ScoredTrainer(
        task,
        model=model,
        args=training_arguments(settings, steps, work / "trainer", device, own, spread),
        callbacks=[KeepCheckpoints(source, kept, work / "checkpoints", together)],
        together=together,
        division=own,
    )
    if spread and not trainer.is_fsdp_enabled:
        raise ValueError(
            f"LM_GEOMETRY_SPREAD=always: weights of a training are spread over GPUs, and this one "
            f"is on {device} ({reason}); take auto"
        )
    trainer.remove_callback(PrinterCallback)  # it prints every step where there is no bar
    return trainer
