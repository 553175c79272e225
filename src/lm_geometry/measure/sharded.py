"""Weights that are spread over processes (FSDP2): passes of the first, in which all take part.

The first process reads states by the code that reads those of a whole model. Each time that this
calls the body of the model, the others are told, and call theirs with the same tokens, until they
are told that all is read. So one process decides whether there is a pass, and none waits in vain.
"""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

import torch
import torch.distributed as dist
from torch import nn

from lm_geometry.finetune.shared_norm import shared_norm
from lm_geometry.measure.inner import unwrapped
from lm_geometry.measure.options import WEIGHTS
from lm_geometry.measure.untouched import untouched

if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule

Given = dict[str, Any]  # arguments of a pass, by name
NOTHING = "_nothing_but_a_pass"


@dataclass(frozen=True)
class Done:
    """All is read, or could not be."""

    error: str = ""
    expected: bool = True  # an error of what was given


class Led:
    """The body of a model, each call of which is one of all processes."""

    by: ClassVar["Sharded"]

    def __call__(self, *given: object, **named: object) -> object:
        return self.by.called(super().__call__, given, named)  # type: ignore[misc]


def is_led(model: nn.Module) -> bool:
    """Whether all processes take part in passes of a model whose weights are spread over them."""
    return any(isinstance(module, Led) for module in model.modules())


def is_sharded(model: nn.Module) -> bool:
    """Whether its weights are spread over processes by `fully_shard` (FSDP2)."""
    return bool(dist.is_available() and dist.is_initialized() and _outermost(model))


def _outermost(model: nn.Module) -> "list[FSDPModule]":
    """The sharded modules that are in no other."""
    from torch.distributed.fsdp import FSDPModule

    found: list[FSDPModule] = []
    inside: set[nn.Module] = set()
    for module in model.modules():  # an outer one comes before those in it
        if isinstance(module, FSDPModule) and module not in inside:
            found.append(module)
            inside |= set(cast("nn.Module", module).modules())
    return found


class Sharded:
    """A model whose weights are spread over processes; every one of them makes its own."""

    def __init__(self, model: nn.Module, half: str) -> None:
        """Raises ValueError for one that is spread by tensor parallelism, too."""
        from torch.distributed.fsdp import FSDPModule

        self.model, self.inner, self._half = model, unwrapped(model), half
        _refuse_tensor_parallel(self.inner)
        body = self.inner.get_encoder() if half == "encoder" else self.inner.base_model
        self._body = cast("nn.Module", body)
        self._outermost = _outermost(model)
        self._modules = [one for one in model.modules() if isinstance(one, FSDPModule)]
        self._begun = self._in_pass = False
        self._output: object = None
        # Of its own, on the CPU: what is told stands in no queue of the training's.
        self._group = cast("dist.ProcessGroup", dist.new_group(backend="gloo"))

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return dist.get_rank() == 0

    def agreed(self, due: bool) -> bool:
        """What the first process says, in all of them."""
        return bool(self._told(due))

    @contextlib.contextmanager
    def leading(self) -> Iterator[None]:
        """In the first process: passes of the block are passes of all. An error is heard by all."""
        own = type(self._body)
        with self._ready():
            self._body.__class__ = _led(own, self)
            try:
                yield
            except Exception as error:
                if not self._in_pass:  # where the others stand, and hear nothing
                    self._told(Done(str(error), isinstance(error, ValueError)))
                raise
            finally:
                self._body.__class__ = own
        self._told(Done())

    def follow(self) -> None:
        """In the others: take part until all is read; raises ValueError where the first did."""
        with self._ready():
            while not isinstance(told := self._told(None), Done):
                if told == WEIGHTS:
                    shared_norm(self.inner)
                else:
                    self._pass(told)
        if told.error:
            kind = ValueError if told.expected else RuntimeError
            raise kind(f"of the first process: {told.error}")

    def weight_norm(self) -> float:
        """In the first process: the norm of all weights, of which each process has a share."""
        self._told(WEIGHTS)
        return shared_norm(self.inner)

    def called(
        self, body: Callable[..., object], given: tuple[object, ...], named: Given
    ) -> object:
        """What the body returns, in a pass of all that is begun where this is in none."""
        if self._in_pass:
            self._output = body(*given, **named)
            return self._output
        assert not given  # `models.body` gives all by name
        self._told({name: _on_cpu(one) for name, one in named.items()})
        self._pass(named)
        output, self._output = self._output, None
        return output

    def _pass(self, named: Given) -> None:
        """A pass from the outermost module on, whose hooks gather the weights.

        In no inference mode, whose tensors a training could not use afterwards, and not compiled.
        """
        self._in_pass = True
        eager = torch.compiler.set_stance("force_eager")
        with torch.inference_mode(False), torch.no_grad(), eager:
            device = self.inner.device
            given = {k: v.clone().to(device) if torch.is_tensor(v) else v for k, v in named.items()}
            root, given = self._root(given)
            try:
                root(**given)
            except torch.cuda.OutOfMemoryError as error:  # others wait for this process: no retry
                tokens = given["input_ids"].numel()
                raise RuntimeError(
                    f"memory does not suffice for a pass of {tokens:,} tokens: lower batch_tokens"
                ) from error
        self._in_pass = False
        self._reshard()

    def _root(self, given: Given) -> tuple[nn.Module, Given]:
        """The module that is called, with what it is given beside the arguments of the body."""
        roots = [cast("nn.Module", one) for one in self._outermost]
        root = next((one for one in roots if self._body in set(one.modules())), self._body)
        if root is self._body:
            return root, given
        if self._half == "encoder":
            given = given | {"decoder_input_ids": given["input_ids"]}
        if "logits_to_keep" in inspect.signature(self.inner.forward).parameters:
            given = given | {"logits_to_keep": 1}
        return root, given

    @contextlib.contextmanager
    def _ready(self) -> Iterator[None]:
        self._reshard()
        if not self._begun:
            for module in self._outermost:
                _begin(module)
            self._reshard()
            self._begun = True
        with untouched(self.inner):
            yield

    def _reshard(self) -> None:
        """Every module with its own share alone, as training finds it."""
        for module in self._modules:
            module.reshard()

    def _told(self, message: object) -> Any:
        """What the first process says: in that one the message."""
        box = [message]
        dist.broadcast_object_list(box, src=0, group=self._group)
        return box[0]


def _begin(module: "FSDPModule") -> None:
    """What FSDP adds to modules at their first pass, which is no part of a measurement."""
    from torch.distributed.fsdp import register_fsdp_forward_method

    own = vars(module)
    own[NOTHING] = lambda: None
    with torch.no_grad():
        register_fsdp_forward_method(cast("nn.Module", module), NOTHING)
        own[NOTHING]()
    del own[NOTHING]


def _led(own: type[nn.Module], by: Sharded) -> type[nn.Module]:
    """A class of bodies whose calls are of all, by the name of the class before FSDP.

    By that name transformers knows which modules have its hidden states.
    """
    from torch.distributed.fsdp import FSDPModule

    named = next(one for one in own.__mro__ if not issubclass(one, FSDPModule))
    names = {"by": by, "__module__": named.__module__, "__qualname__": named.__qualname__}
    return cast("type[nn.Module]", type(named.__name__, (Led, own), names))


def _on_cpu(one: object) -> object:
    return one.cpu() if torch.is_tensor(one) else one


def _refuse_tensor_parallel(model: nn.Module) -> None:
    for name, weight in model.named_parameters():
        shards = [one for one in getattr(weight, "placements", ()) if one.is_shard()]
        if len(shards) > 1:
            raise ValueError(
                f"model: {name} is spread along {len(shards)} axes of processes (tensor "
                "parallelism), and is not read"
            )
