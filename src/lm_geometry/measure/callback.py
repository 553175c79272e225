"""A callback that watches the local dimensions of a model while it trains, and changes nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import CallbackHandler

from lm_geometry.measure.budget import Budget
from lm_geometry.measure.course import Word
from lm_geometry.measure.course_log import CourseLog
from lm_geometry.measure.log import Log, Values
from lm_geometry.measure.opened import Layers, Tokenizer, unwrapped
from lm_geometry.measure.options import WEIGHTS, Options, settings_of
from lm_geometry.measure.texts import Texts, read_texts, refuse_shared
from lm_geometry.measure.watch import PREFIX, Watch, read_start
from lm_geometry.models.weight_norm import weight_norm
from lm_geometry.workspace.points import RESIDUAL, named

if TYPE_CHECKING:
    import altair as alt
    from transformers import PreTrainedTokenizerBase, ProcessorMixin

FILE = "local_dimension.jsonl"
DEFAULTS: Options = {
    "keep_tokens": 4000,
    "prepared": 4000,
    "points": 2000,
    "n_neighbors": [128],
    "exclude": ["document"],
}


class LocalDimensionCallback(TrainerCallback):
    """Logs the mean local dimension of fixed tokens while a model trains.

    `Trainer(..., callbacks=[LocalDimensionCallback(texts)])`, and so all trainers that are made of
    it; `step(model, step)` serves a loop of one's own. `texts` is the probe set, as for `measure`;
    no labels are needed. `layers` and `options` as there, with smaller clouds (N = 2,000, L = 128,
    neighbours of other documents).

    `every` is the least number of steps between two measurements; `budget` may only widen it, so
    that they take at most that share of the time (None: no limit, fixed steps). Values go to
    `file` as JSON lines (in a Trainer `local_dimension.jsonl` of its `output_dir` where none is
    given), and through the Trainer's own log to whatever listens there:

    - `local_dimension/layer_12`, `…/lower`, `…/upper`: the mean with its interval over documents
    - `…/change`, `…/change_lower`, `…/change_upper`: paired change since the first step
    - `local_dimension/control/…`: the same of `control`, a second set of texts that share no
      document with the first, and `…/beyond_control`: how much more the first changed
    - `local_dimension/layer_12/course`, of the first layer: -1 falling, 0 flat, 1 rising, as
      `Course` says it; printed where it changes
    - `local_dimension/layer_12/rankme`, `…/rankme_lower`, `…/rankme_change`, …: each of `signals`
      of the same states; the distance moved is that since the first step
    - `local_dimension/weight_norm`: of the model, where it is one of the `signals`
    - `local_dimension/seconds`: what the measurement took

    Of another place than the residual stream (`where="mlp"`) they are `local_dimension/mlp/…`.

    The model is given back as it was, random generators included: trained weights are bit-equal
    with and without the callback on the CPU. In a training of several processes the first one
    measures; weights that are spread over processes (FSDP, DeepSpeed) are refused.
    """

    def __init__(
        self,
        texts: Texts,
        layers: Layers = (-1,),
        *,
        every: int = 50,
        budget: float | None = 0.02,
        control: Texts | None = None,
        tokenizer: Tokenizer = None,
        file: str | Path | None = None,
        **options: Unpack[Options],
    ) -> None:
        signals = options.get("signals", ())
        self._weighs = WEIGHTS in signals
        options["signals"] = [name for name in signals if name != WEIGHTS]
        settings = settings_of(options, DEFAULTS)
        table = read_texts(texts)
        place = settings.embed.points
        self._prefix = PREFIX if place == RESIDUAL else f"{PREFIX}/{named(place)}"
        self._watches = [Watch(table, layers, settings, self._prefix)]
        if control is not None:
            other = read_texts(control)
            refuse_shared(table, other)
            self._watches.append(Watch(other, layers, settings, f"{self._prefix}/control"))
        self._budget = Budget(every, budget)
        self._tokenizer = tokenizer
        self._log = Log(Path(file)) if file is not None else None
        self.history: list[dict[str, float]] = []  # each with its `step`
        self._said: Word = ""

    def step(self, model: nn.Module, step: int) -> Values | None:
        """Measure the model at this step of a training, if it is time; the values, or None.

        The first call is the start that later ones are compared with. Raises ValueError as
        `measure`, at the first call.
        """
        if not self._budget.due(step):
            return None
        before = self._budget.spent
        values: Values = {}
        with self._budget.timed(step):
            for watch in self._watches:
                begun = watch.start is not None
                values |= watch.again(model, step) if begun else self._begin(watch, model, step)
            for control in self._watches[1:]:
                values |= self._watches[0].beyond(control)
            if self._weighs:
                values[f"{self._prefix}/{WEIGHTS}"] = weight_norm(unwrapped(model))
            if self._log is not None and self._budget.times == 0:
                self._log.begin(step)
            self._tell(step)
        values[f"{self._prefix}/seconds"] = self._budget.spent - before
        self.history.append({"step": step, **values})
        if self._log is not None:
            self._log.add(step, values)
        return values

    def _begin(self, watch: Watch, model: nn.Module, step: int) -> Values:
        place = None
        if self._log is not None:
            name = "control" if watch is not self._watches[0] else "start"
            place = self._log.path.with_suffix(f".{name}.json")
        start = read_start(place) if place is not None and step > 0 else None
        if place is not None:
            watch.course_log = CourseLog(place.with_suffix(".course.jsonl"))
        values = watch.begin(model, self._tokenizer, step, start)
        self._said = self._watches[0].course.word
        if place is not None and watch.start is not None:
            watch.start.write(place)
        return values

    def _tell(self, step: int) -> None:
        """Say which way the first dimension goes, where that is another than before."""
        course = self._watches[0].course
        if course.word != self._said:
            print(f"{self._prefix}: {course.word} at step {step}", flush=True)
            self._said = course.word

    def write_below(self, folder: str | Path) -> None:
        """Write values to a file in this folder, where none was given."""
        if self._log is None:
            self._log = Log(Path(folder) / FILE)

    def lightning(self, model: str = "") -> Any:
        """The same for a Trainer of Lightning; `model` is the attribute of its module that is one.

        It may be left out where there is one model of transformers. Raises ImportError, with the
        extra's name, without Lightning.
        """
        from lm_geometry.measure.in_lightning import callback_of

        return callback_of(self, model)

    def told(self) -> str:
        """What the measurements took, in words."""
        return self._budget.told()

    def figure(self) -> "alt.VConcatChart":
        """What was measured so far, over the steps, and its change, with their intervals."""
        from lm_geometry.measure.chart import by_step

        return by_step(self.history, self._prefix, [self.told()])

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        processing_class: "PreTrainedTokenizerBase | ProcessorMixin | None" = None,
        **_: object,
    ) -> None:
        """Take the tokenizer of the Trainer, and measure the model before its first step."""
        _refuse_spread(args)
        tokenizer = self._tokenizer or processing_class
        own = getattr(tokenizer, "tokenizer", tokenizer)  # that of a processor
        self._tokenizer = cast("Tokenizer", own)
        self.write_below(str(args.output_dir))
        self._heard(args, state, control, model)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None = None,
        **_: object,
    ) -> None:
        """Measure, if it is time."""
        self._heard(args, state, control, model)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Say what it took."""
        if state.is_world_process_zero:
            print(f"{PREFIX}: {self.told()}", flush=True)

    def _heard(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: nn.Module | None,
    ) -> None:
        """Measure in the first process, if it is time, and let all others hear of it."""
        if not state.is_world_process_zero:
            return
        assert model is not None  # the Trainer gives its own
        values = self.step(model, state.global_step)
        if values is None:
            return
        logs = values | ({"epoch": state.epoch} if state.epoch is not None else {})
        state.log_history.append({**logs, "step": state.global_step})
        handler = _handler()
        if handler is not None:  # not `on_log`, which takes back what the Trainer was about to log
            handler.call_event("on_log", args, state, control, logs=logs)


def _handler() -> CallbackHandler | None:
    """Who called the callback, and calls the others.

    A Trainer gives its callbacks all but itself, and no way to log; its handler is a few calls up.
    """
    frame = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self")
        if isinstance(caller, CallbackHandler):
            return caller
        frame = frame.f_back
    return None


def _refuse_spread(args: TrainingArguments) -> None:
    for name in ("deepspeed", "fsdp"):
        if getattr(args, name, None):
            raise ValueError(
                f"{name} spreads a model over processes, all of which a forward pass needs: "
                "LocalDimensionCallback does not measure there"
            )
