"""Modules that are not trained, by name."""

import difflib
from fnmatch import fnmatchcase

from torch import nn


def frozen_modules(model: nn.Module, patterns: list[str]) -> list[str]:
    """Paths of the modules (or single weights) that `finetune.freeze` names.

    A pattern is whole parts of a path up to its end: `layer.1` is `encoder.layer.1`, and neither
    `layer.10` nor `player.1`; `*`, `?` and `[0-5]` match within a part. Raises ValueError for a
    pattern that matches nothing, with the nearest name.
    """
    paths = _paths(model)
    found: list[str] = []
    for pattern in patterns:
        matched = [path for path in paths if _matches(path, pattern)]
        if not matched:
            raise ValueError(
                f"finetune.freeze: the model has no module {pattern!r}{_nearest(pattern, paths)}"
            )
        found += matched
    return list(dict.fromkeys(found))


def inside(path: str, modules: list[str]) -> bool:
    """Whether a path is one of the modules, or within one of them."""
    return any(path == module or path.startswith(f"{module}.") for module in modules)


def freeze(model: nn.Module, modules: list[str]) -> None:
    """Exclude every weight of the modules from training.

    A weight that two modules share goes by its first name (in most models the embeddings'), and
    stays trained when only the other is frozen. Raises ValueError for modules without a weight of
    their own, and where nothing is left to train.
    """
    names = [name for name, _ in model.named_parameters()]
    empty = [m for m in modules if not any(inside(name, [m]) for name in names)]
    bare = [m for m in empty if not any(inside(m, [other]) for other in modules if other != m)]
    if bare:
        raise ValueError(
            f"finetune.freeze: {bare[0]} has no weights of its own{_shared(model, bare[0])}"
        )
    for name, weight in model.named_parameters():
        if inside(name, modules):
            weight.requires_grad_(False)
    if modules and not any(weight.requires_grad for weight in model.parameters()):
        raise ValueError(f"finetune.freeze: {modules} leave nothing to train")


def _paths(model: nn.Module) -> list[str]:
    modules = [name for name, _ in model.named_modules() if name]
    return [*modules, *(name for name, _ in model.named_parameters(remove_duplicate=False))]


def _matches(path: str, pattern: str) -> bool:
    wanted = pattern.split(".")
    parts = path.split(".")[-len(wanted) :]
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _nearest(pattern: str, paths: list[str]) -> str:
    parts = [path.split(".") for path in paths]
    tails = {".".join(path[start:]) for path in parts for start in range(len(path))}
    match = difflib.get_close_matches(pattern, sorted(tails), n=1, cutoff=0.5)
    if match:
        return f"; did you mean {match[0]!r}?"
    return f"; its parts are {', '.join(dict.fromkeys(path[0] for path in parts))}"


def _shared(model: nn.Module, module: str) -> str:
    """What the weights of a module are called elsewhere, as part of a sentence."""
    weights = dict(model.named_parameters(remove_duplicate=False))
    own = [weight for name, weight in weights.items() if inside(name, [module])]
    other = [name for name, weight in model.named_parameters() if any(weight is o for o in own)]
    return f": it shares {', '.join(other)}, so name that" if other else ""
