"""GGUF files, which are read once and kept as a folder of safetensors."""

import contextlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from lm_geometry.models.downloaded import content_hash, record, verified
from lm_geometry.models.facts import NO_CODE, NotReadError
from lm_geometry.models.local_files import LFS_POINTER
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.models.weights import judge
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import whole_folder
from lm_geometry.workspace.progress import under_way


def converted(gguf: Path) -> Path:
    """A safetensors folder made once from a GGUF file, which takes 15 s to load each time.

    It goes by the file's content, into the downloads folder: another file of the same name is
    another model, and its own folder may be read-only. Raises NotReadError for a file that cannot
    be read, and for one that lacks weights, as the first of several parts does.
    """
    target = conversion(gguf)
    if verified(target):
        return target
    print(f"converting {gguf.name} to safetensors, once", flush=True)
    try:
        with under_way(f"converting {gguf.name}"):
            quantised, tokenizer, found = _loaded(gguf)
    except ImportError:
        raise
    except Exception as error:  # whatever a reader says to bytes that are none of this format
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NotReadError(
            f"model.name: {gguf.name} cannot be read as GGUF: {_cause(gguf)} ({told})"
        ) from error
    judge(gguf.name, "decoder", found, f"{quantised.base_model_prefix}.", replaced=False)
    # A model that knows it was quantised refuses to be saved.
    settings = quantised.config.to_dict()
    settings.pop("quantization_config", None)
    model = type(quantised)(type(quantised.config).from_dict(settings))
    model.load_state_dict(quantised.state_dict(), strict=True)
    with whole_folder(target) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        record(folder, target)
    return target


def conversion(gguf: Path) -> Path:
    """The folder that a GGUF file is converted to, whether or not it is there."""
    return machine.downloads() / "converted" / content_hash(gguf)[:24]


def _loaded(gguf: Path) -> tuple[Any, Any, dict[str, Any]]:
    """The model, its tokenizer, and transformers' report on what the file has."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where: dict[str, Any] = {"pretrained_model_name_or_path": str(gguf.parent)} | NO_CODE
    where["gguf_file"] = gguf.name
    # The loading has bars of its own.
    with _read_once(), quiet_loading(), contextlib.redirect_stderr(io.StringIO()):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            **where, dtype="float32", output_loading_info=True
        )
        model, found = loaded
        return model, AutoTokenizer.from_pretrained(**where), found


@contextlib.contextmanager
def _read_once() -> Iterator[None]:
    """In the block the library reads a file once, and its names of tensors, which takes seconds.

    transformers has it read anew for the settings, the weights and the tokeniser, and the names
    for each module.
    """
    import gguf as library

    with contextlib.ExitStack() as stack:
        for name in ("GGUFReader", "get_tensor_name_map"):
            once = cache(getattr(library, name))
            stack.enter_context(mock.patch.object(library, name, once))
        yield


def _cause(gguf: Path) -> str:
    with gguf.open("rb") as file:
        start = file.read(32)
    if start.startswith(LFS_POINTER):
        return "it is a pointer of Git LFS, which `git lfs pull` replaces"
    if not start.startswith(b"GGUF"):
        return "it is no such file"
    return "it is cut or damaged, or its architecture is not known; copy or download it again"
