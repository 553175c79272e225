"""The finetune stage: one training run, and the checkpoints that later stages read."""

from dataclasses import replace
from typing import Any

from lm_geometry.finetune.arithmetic.from_corpus import learn
from lm_geometry.finetune.division import SETTING
from lm_geometry.finetune.fine_tuning import finetune
from lm_geometry.finetune.live_curves import LiveCurves
from lm_geometry.finetune.measured import Records, as_run
from lm_geometry.finetune.observed import Observer, Observing
from lm_geometry.finetune.params import Finetune
from lm_geometry.finetune.recorded.scores import recorded
from lm_geometry.models.as_recorded import refuse_replaced
from lm_geometry.outs.data_prep.corpora import TrainingCorpus, read_training
from lm_geometry.outs.data_prep.model import ModelSource, read_model_source
from lm_geometry.outs.finetune.checkpoints import BASE, FROM_SCRATCH, write_index, write_pointer
from lm_geometry.outs.finetune.training_run import TrainingRun, write_training_run
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.cells import Cells
from lm_geometry.workspace.hashes import path_hash


def run(observing: Observing) -> None:
    """Write data/checkpoints, data/training_run and plots/training.json, as params.yaml says.

    `observing` gives what a training is watched by, where `finetune.watch` asks for it.
    """
    source, settings = read_model_source(), Finetune.read()
    refuse_replaced(source)
    train(source, settings, observing() if settings.watch != "none" else None)


def train(source: ModelSource, settings: Finetune, observer: Observer | None = None) -> TrainingRun:
    """What the run measured, whose checkpoints are then in data/checkpoints.

    Base is a pointer to the model's source, and the untrained weights of one that learns equations
    from scratch. An interrupted run goes on where its state was saved last. plots/training.json
    has the curves of the run while it goes on, and all of them in the end.
    """
    assert (observer is None) == (settings.watch == "none")
    corpus, settings = read_training(), _resolved(settings, source)
    described = _described(source, settings)
    records: Records = {"steps": [], "curve": [], "scores": []}
    if settings.task != "none":
        records = _train(source, settings, corpus, LiveCurves(corpus.name, described), observer)
    else:
        records = recorded(settings.recorded_scores, list(source.later()))
        LiveCurves(corpus.name if settings.recorded_scores else "", described).write(records)
    later = source.later()
    for step, pointed in later.items():
        write_pointer(str(step), pointed)
        records["steps"].append(step)
    write_pointer(BASE, replace(source, series=[]))
    sizes = settings.arithmetic if settings.task == FROM_SCRATCH else source
    write_index(records["steps"], settings.task, sizes.layers, sizes.width)
    code = observer.code if observer else ""
    run = as_run(records, corpus.name, settings.task, described, code)
    write_training_run(run)
    return run


def _resolved(settings: Finetune, source: ModelSource) -> Finetune:
    """The settings as this model takes them: its own task of language, its blocks by number."""
    if settings.task in ("none", FROM_SCRATCH):
        return settings
    asked = {"task": settings.task, "layers": source.resolved_blocks(settings.lora.layers)}
    if settings.task == "language_modelling":
        asked["task"] = source.language_task
    lora = settings.lora.model_copy(update={"layers": asked["layers"]})
    return settings.model_copy(update={"task": asked["task"], "lora": lora})


def _train(
    source: ModelSource,
    settings: Finetune,
    corpus: TrainingCorpus,
    curves: LiveCurves,
    observer: Observer | None,
) -> Records:
    # The checkpoints hang on no observer, but one training makes them and what it observes.
    inputs = {
        "model": source.record(),
        "finetune": settings.model_dump(
            exclude={"report_to", "recorded_scores"}
        ),  # which change nothing
        "training": path_hash(paths.TRAINING),
        "observer": observer.code if observer else "",
    }
    if (count := machine.machine().training_processes) > 1:
        spread = machine.machine().spread
        inputs["processes"] = [count, spread]  # whose sums, and saved states, are others
    cells = Cells("finetune", inputs)
    cells.forget_damaged("checkpoints")
    training, held_out = corpus.columns("train"), corpus.columns("validation")
    kept = []
    if settings.task == FROM_SCRATCH:
        assert corpus.equations is not None  # the task has no other corpus: params.check
        if count > 1:
            raise ValueError(
                f"{SETTING}={count}: task {settings.task} cannot be divided: it learns in one loop "
                "whose batches are drawn as it goes, not in the Trainer; take 1"
            )
        device, reason = machine.device()
        print(f"training on {device} ({reason}), {settings.precision}", flush=True)
        given = (settings, corpus.equations, training, held_out)
        records = learn(*given, cells.folder, device, curves)
        kept = [BASE]
    else:
        more: Any = {"ontology": corpus.ontology, "observer": observer}
        if "test" in settings.score and "test" in corpus.splits:
            more["test"] = corpus.columns("test")
        records = finetune(source, settings, training, held_out, cells.folder, curves, **more)
    for name in [*kept, *map(str, records["steps"])]:
        cells.publish("checkpoints", name, to=paths.CHECKPOINTS / name)
    cells.published()
    curves.write(records)
    return records


def _described(source: ModelSource, settings: Finetune) -> str:
    """The line under the curves: what is trained, and how."""
    if settings.task in ("none", FROM_SCRATCH):
        return source.label
    told = f"{source.label} · {settings.task.replace('_', ' ')} · {settings.method}"
    return told if settings.watch == "none" else f"{told} · {settings.watch.told()}"
