"""A checkpoint of an experiment, made a model of the catalogue."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from lm_geometry.models import kept as kept_models
from lm_geometry.models.catalogue import ALIAS, ModelEntry, read_models
from lm_geometry.models.load import is_language_model, load_model, load_tokenizer
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.outs.data_prep.corpora import read_training
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.outs.finetune.checkpoints import folder_of, read_base, read_index, read_pointer
from lm_geometry.revisions.programs import dvc
from lm_geometry.revisions.revision import WORKSPACE, Revision
from lm_geometry.workspace.files import whole_file, whole_folder, write_json
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.section import ROOT, read_yaml

Form = Literal["merged", "adapter"]

HEADING = "# --- kept from experiments by `lm-geometry keep`"


def keep(
    revision: Revision,
    step: int,
    name: str,
    form: Form = "merged",
    root: Path = ROOT,
    origin: str = "",
) -> ModelEntry:
    """The new entry of catalogue/models.yaml for checkpoint `step` of a revision.

    Its files are then in `models/<name>`, with the tokenizer, tracked by DVC: the whole model with
    adapters merged, or for `adapter` the adapters alone with a pointer to their base. Of a model
    that learned classes the body is kept, with the language model's head of its base: what the
    embed stage reads of that checkpoint. The entry's note has `origin`, or the revision's name.

    Raises ValueError for a name that is taken or has other characters than a-z, 0-9 and -, for a
    step that the revision does not have or did not train, and where adapters are asked for and
    there are none.
    """
    _refuse_name(name, root)
    steps = read_index(revision)["steps"]
    if step not in steps:
        there = ", ".join(map(str, steps)) or "none: finetune.task is none"
        raise ValueError(f"{revision.name} has no checkpoint {step}; its steps are {there}")
    base = read_base(revision)
    if base.kind == "arithmetic":
        raise ValueError(
            f"{revision.name} learned equations from scratch: what it has is no language model, "
            "and is read by lm_geometry.models.arithmetic.saved_model.load_model"
        )
    pointed = read_pointer(step, revision)
    if pointed is not None:
        raise ValueError(
            f"{revision.name}: step {step} was read and not trained: it is {pointed.source}, which "
            "model.name takes as it is"
        )
    target = kept_models.MODELS / name
    with _unfinished(target):
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / str(step)
            revision.copy(folder_of(step), checkpoint)
            _write(base, checkpoint, target, form, f"{revision.name}: step {step}")
        _track(target, root)
        entry = _entry(revision, base, target, f"{step} steps", origin, root)
        _declare(target, entry)
        _append(root / "catalogue" / "models.yaml", name, entry)
    return entry


def _entry(
    revision: Revision, base: ModelSource, target: Path, after: str, origin: str, root: Path
) -> ModelEntry:
    made_of = origin or ("the workspace" if revision.name == WORKSPACE else revision.name)
    corpus = read_training(revision).name
    note = f"{base.name} after {after} on {corpus}, from {made_of}"
    start = read_models(root).get(base.name)
    return ModelEntry(
        source=f"kept:{target.name}#sha256={path_hash(target)}",
        kind=base.kind,  # pyright: ignore[reportArgumentType]
        layers=base.layers,
        width=base.width,
        label=f"{base.label} ({target.name})",
        licence=start.licence if start else f"that of {base.source}",
        note=note,
    )


def _refuse_name(name: str, root: Path) -> None:
    if not ALIAS.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a model: only a-z, 0-9 and -")
    if name in read_models(root):
        raise ValueError(f"{name!r} is in catalogue/models.yaml already: choose another name")
    if (kept_models.MODELS / name).exists() and not _mark(kept_models.MODELS / name).exists():
        raise ValueError(f"{kept_models.MODELS / name} exists already: choose another name")


def _mark(target: Path) -> Path:
    return target.with_name(f".{target.name}.unfinished")


@contextlib.contextmanager
def _unfinished(target: Path) -> Iterator[None]:
    """Marks a folder that has no entry yet: what a kill left of it is made again.

    A model that was written before, and whose entry someone took away, has no mark, and stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.glob(f".{target.name}.*.tmp"):
        shutil.rmtree(left)
    mark = _mark(target)
    mark.touch()
    try:
        yield
    except Exception:
        shutil.rmtree(target, ignore_errors=True)
        mark.unlink()
        raise
    mark.unlink()


def _write(base: ModelSource, checkpoint: Path, target: Path, form: Form, where: str) -> None:
    adapters = (checkpoint / kept_models.ADAPTERS).exists()
    if form == "adapter" and not adapters:
        raise ValueError(f"{where} is a whole model, not adapters: leave --adapter out")
    with whole_folder(target) as temporary, quiet_loading():
        if form == "merged" and not is_language_model(checkpoint):
            load_model(base, checkpoint).save_pretrained(temporary)
        else:
            shutil.copytree(checkpoint, temporary, dirs_exist_ok=True)
        if form == "adapter":
            write_json(temporary / kept_models.BASE_SOURCE, asdict(base))
        load_tokenizer(base).save_pretrained(temporary)


def _track(target: Path, root: Path) -> None:
    """`dvc add`: the weights into DVC's cache, a small file for git beside them."""
    ran = dvc(root, "add", "--quiet", str(target.relative_to(root)))
    if ran.returncode != 0:
        raise ValueError(f"dvc add failed: {ran.stderr.strip()}")


def _declare(target: Path, entry: ModelEntry) -> None:
    """An artifact of the dvc.yaml beside the models, which `dvc artifacts get` brings by name."""
    file = target.with_name("dvc.yaml")
    found = read_yaml(file) if file.exists() else {}
    artifact = {"path": target.name, "type": "model", "desc": entry.note}
    artifacts = {**found.get("artifacts", {}), target.name: artifact}
    with whole_file(file) as temporary, temporary.open("w", encoding="utf-8") as opened:
        YAML().dump({**found, "artifacts": artifacts}, opened)


def _append(path: Path, name: str, entry: ModelEntry) -> None:
    """Add an entry in block style; nothing else in the file moves."""
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    if HEADING not in text:
        text += f"\n{HEADING} {'-' * (97 - len(HEADING))}\n"
    yaml = YAML()
    yaml.width = 4096  # a value stays on its line
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        yaml.dump({name: entry.model_dump(exclude_defaults=True)}, file)
