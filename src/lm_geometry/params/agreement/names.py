"""The names of models and corpora, and what the catalogue knows of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_geometry.params.corpora import Corpus
from lm_geometry.params.data_prep import DataPrep
from lm_geometry.params.explain import nearest
from lm_geometry.params.model import Model
from lm_geometry.params.models import ModelEntry

SCHEMES = ("hub:", "file:")


def model_is_known(
    model: Model, *, models: dict[str, ModelEntry], root: Path, **_: Any
) -> Iterator[str]:
    """The model is an alias of the catalogue, or a file that is there."""
    if not model.name.startswith(SCHEMES) and model.name not in models:
        near = nearest(model.name, list(models))
        yield f"model.name: {model.name!r} is not in catalogue/models.yaml{near}"
    elif model.name.startswith("file:") and not local_path(model.name, root).exists():
        yield f"model.name: there is no {local_path(model.name, root)}"


def corpora_are_known(
    data: DataPrep, *, corpora: dict[str, Corpus], root: Path, **_: Any
) -> Iterator[str]:
    """Every corpus is an alias of the catalogue, or a file that is there."""
    named = [("data_prep.train", data.train)]
    named += [(f"data_prep.evaluate.{i}", name) for i, name in enumerate(data.evaluate)]
    for key, name in named:
        if not name.startswith(SCHEMES) and name not in corpora:
            near = nearest(name, list(corpora))
            yield f"{key}: {name!r} is not in catalogue/corpora.yaml{near}"
        elif name.startswith("file:") and not local_path(name, root).exists():
            yield f"{key}: there is no {local_path(name, root)}"


def local_path(reference: str, root: Path) -> Path:
    return root / Path(reference.removeprefix("file:")).expanduser()
