"""A callback that watches the local dimensions of a model while it trains, and changes nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from lm_geometry.measure import in_trainer
from lm_geometry.measure.budget import Budget
from lm_geometry.measure.estimates import States
from lm_geometry.measure.inner import is_copy, unwrapped
from lm_geometry.measure.log import Log, Values
from lm_geometry.measure.opened import Layers, Tokenizer
from lm_geometry.measure.options import WEIGHTS, Options, settings_of
from lm_geometry.measure.probe_sets import ProbeSets
from lm_geometry.measure.sharded import Sharded, is_sharded
from lm_geometry.measure.texts import Texts, read_texts, refuse_shared
from lm_geometry.measure.watch import PREFIX
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
    measures; where FSDP2 spreads the weights over them, all take part in its forward passes, and
    the first decides when. FSDP1 and DeepSpeed are refused.
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
        other = read_texts(control) if control is not None else None
        if other is not None:
            refuse_shared(table, other)
        place = settings.embed.points
        prefix = PREFIX if place == RESIDUAL else f"{PREFIX}/{named(place)}"
        self._sets = ProbeSets(table, other, layers, settings, prefix)
        self._budget = Budget(every, budget)
        self._tokenizer = tokenizer
        self._log = Log(Path(file)) if file is not None else None
        self.history: list[dict[str, float]] = []  # each with its `step`
        self._sharded: Sharded | None = None
        self._left: int | None = None  # the last step that an interrupted training measured
        self._is_called = False

    def step(self, model: nn.Module, step: int) -> Values | None:
        """Measure the model at this step of a training, if it is time; the values, or None.

        The first call is the start that later ones are compared with. Where a training has several
        processes, all of them call it, and the first one has the values. Raises ValueError as
        `measure`, at the first call.
        """
        if is_sharded(model):
            return self._step_of_all(model, step)
        if is_copy(model) or not self._budget.due(step):
            return None
        is_first = not self._is_called
        if self._is_near(step):
            if is_first and self._log is not None:  # what is wrong shows before the next is due
                self._sets.refuse_others(model, self._tokenizer, self._log.path)
            return None
        with self._budget.timed(step):
            states = self._sets.read(model, self._tokenizer)
            norm = weight_norm(unwrapped(model)) if self._weighs else None
            values = self._values(states, norm, step)
        return self._written(values, step)

    def _step_of_all(self, model: nn.Module, step: int) -> Values | None:
        """The same of weights that are spread over processes, of which the first one decides."""
        if not self._budget.is_apart(step):
            return None
        if self._sharded is None or self._sharded.model is not model:
            self._sharded = Sharded(model, self._sets.half)
        shared = self._sharded
        if not shared.agreed(self._budget.is_affordable() and not self._is_near(step)):
            return None
        with self._budget.timed(step):
            if not shared.leads:
                shared.follow()
                return None
            values: Values = {}
            with shared.leading():
                states = self._sets.read(model, self._tokenizer)
                norm = shared.weight_norm() if self._weighs else None
                if not self._budget.times:  # what is wrong with texts and log shows here
                    values = self._values(states, norm, step)
            # From here on the others train, until they need this process.
            values = values or self._values(states, norm, step)
        return self._written(values, step)

    def _is_near(self, step: int) -> bool:
        """Whether an interrupted training measured less than `every` steps before this one.

        What it measured after the step from which it now goes on is forgotten.
        """
        if not self._is_called and self._log is not None and step > 0:
            self._left = self._log.last(step)
            if self._left is not None:
                self._log.begin(step + 1)
                self._sets.forget_after(step, self._log.path)
        self._is_called = True
        if self._left is None or self._budget.times:
            return False
        return step - self._left < self._budget.every

    def _values(self, states: list[States], norm: float | None, step: int) -> Values:
        values = self._sets.values(states, step, self._log.path if self._log else None)
        if norm is not None:
            values[f"{self._sets.prefix}/{WEIGHTS}"] = norm
        if self._log is not None and self._budget.times == 0:
            self._log.begin(step)
        return values

    def _written(self, values: Values, step: int) -> Values:
        values[f"{self._sets.prefix}/seconds"] = self._budget.last_cost
        self.history.append({"step": step, **values})
        if self._log is not None:
            self._log.add(step, values)
        return values

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

        return by_step(self.history, self._sets.prefix, [self.told()])

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
        in_trainer.refuse_spread(args)
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
        assert model is not None  # the Trainer gives its own
        if not state.is_world_process_zero and not is_sharded(model):
            return
        values = self.step(model, state.global_step)
        if values is not None:
            in_trainer.log(values, args, state, control)
