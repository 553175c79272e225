"""`model.checkpoints`: later states of the model that are read and not trained.

The weights of all of them are compared before one is downloaded: steps of a published run that
have the same weights, or none, would make a figure of training that is wrong without a sign.
"""

from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.step_names import is_pattern, step_of
from lm_geometry.models import sources
from lm_geometry.models.hub_weights import (
    Weights,
    folder_weights,
    hub_weights,
    revisions_like,
    same_weights,
)
from lm_geometry.models.local_files import SourceError, advice, local_path
from lm_geometry.outs.data_prep.model import SeriesStep

FIRST = (
    "give it as model.name, or set model.added_steps to 1 where the run counts its checkpoints "
    "from 0"
)
Named = tuple[str, sources.Source]  # as it is told, and where it is


def resolve_series(asked: list[str], base: str, added: int = 0) -> list[SeriesStep]:
    """The steps that `model.checkpoints` asks for, in the order of training.

    `base` is the source of the model that they are later states of; `added` is added to the number
    in each name (`model.added_steps`). Raises ValueError with every
    revision or folder that is missing, has no weights, tells no step, or has another's weights.
    """
    if not asked:
        return []
    errors: list[str] = []
    found = _weights([("base", sources.parse(base)), *_named(asked, base, errors)], errors)
    steps = list(_steps(found, added, errors))
    errors += same_weights((told, weights) for (told, _), weights in found.items())
    if errors:
        raise ValueError("\n".join(f"model.checkpoints: {error}" for error in errors))
    return sorted(steps, key=lambda one: one.step)


def _named(asked: list[str], base: str, errors: list[str]) -> Iterator[Named]:
    for name in asked:
        try:
            yield from _expanded(name, sources.parse(base))
        except (SourceError, ValueError) as error:
            errors.append(str(error))


def _expanded(name: str, base: sources.Source) -> Iterator[Named]:
    """The revisions or folders that one entry means."""
    if name.startswith("file:"):
        location = name.removeprefix("file:")
        place = local_path(location)
        found = sorted(Path(place.anchor).glob(str(place.relative_to(place.anchor))))
        if not found:
            raise SourceError(f"{name} is not there{advice(location)}")
        yield from ((f"file:{path}", sources.parse(f"file:{path}")) for path in found)
    elif name.startswith("hub:"):
        yield name, sources.parse(name)
    elif base.scheme != "hub":
        raise ValueError(
            f"{name!r} is a revision of no hub model: write file:PATH or hub:ID@REVISION"
        )
    else:
        revisions = revisions_like(base, name) if is_pattern(name) else [name]
        yield from ((one, sources.parse(f"hub:{base.location}@{one}")) for one in revisions)


def _weights(named: list[Named], errors: list[str]) -> dict[Named, Weights]:
    found: dict[Named, Weights] = {}
    for told, source in named:
        try:
            if source.scheme == "hub":
                found[told, source] = hub_weights(source)
            elif source.scheme == "file":
                found[told, source] = folder_weights(sources.fetch(source, Path()))
        except SourceError as error:
            errors.append(f"{told}: {error}")
        except NotADirectoryError:
            errors.append(f"{told} is no folder")
    return found


def _steps(found: dict[Named, Weights], added: int, errors: list[str]) -> Iterator[SeriesStep]:
    there: dict[int, str] = {0: "base"}
    for (told, source), weights in found.items():
        if told == "base":
            continue
        try:
            step = step_of(source.revision or source.location) + added
        except ValueError as error:
            errors.append(str(error))
            continue
        if step in there:
            same = FIRST if step == 0 else f"as does {there[step]}"
            errors.append(f"{told} is of step {step}: {same}")
        there[step] = told
        # By the commit, so that what was compared is what will be downloaded.
        name = f"{source.scheme}:{source.location}"
        if source.scheme == "hub":
            place = f"{name}@{weights.commit or source.revision}"
            yield SeriesStep(step, place, weights.content, f"{name}@{source.revision}")
        else:
            yield SeriesStep(step, name, weights.content, name)
