"""Whether the weights that are there are those of the model, and what is likely wrong if not."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch

from lm_geometry.models import foreign_heads
from lm_geometry.models.facts import NO_CODE, NotReadError
from lm_geometry.models.local_files import LFS_POINTER
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.models.weight_choice import FILES, unclear
from lm_geometry.workspace.machine import machine

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

# Keys of a config by which transformers loads another file than these: by its name, or by an
# attribute that stands for its name.
OTHER_FILE = ("transformers_weights", "attribute_map")
Header = dict[
    str, torch.Tensor
]  # by name of the weight; on the device meta, which has shapes alone
NO_PLACE = "without a place in the model of its config"
DRAWN = "`weights: random` is how random weights are asked for"


def judge(
    name: str, kind: str, found: Mapping[str, Iterable[Any]], body: str, replaced: bool
) -> list[str]:
    """Names of a head's weights that may be drawn, by transformers' report on loading, `found`.

    `body` is the prefix of the blocks' names; a head that the task replaces (`replaced`) may be
    missing, and that of a masked language model, which sentence encoders come without. Raises
    NotReadError for anything else that is missing, of another shape, or too much.
    """
    missing, unexpected = sorted(found["missing_keys"]), sorted(found["unexpected_keys"])
    other = [entry for entry in found.get("mismatched_keys", ()) if entry[0].startswith(body)]
    if other and not replaced:
        _, there, wanted = other[0]
        names = [entry[0] for entry in other]
        told = some(names, name, "of another shape than its config says")
        raise NotReadError(f"model.name: {told}: {list(there)} there, {list(wanted)} by the config")
    inside = [weight for weight in missing if weight.startswith(body)]
    if replaced and not any(map(_in_block, inside)):
        inside = []  # a pooler, which only models with classes have
    if inside:
        raise NotReadError(
            f"model.name: {some(inside, name, 'not in its files')}"
            f"{_cause(inside, unexpected)}; {DRAWN}"
        )
    if missing and not replaced and kind != "encoder":
        raise NotReadError(
            f"model.name: {some(missing, f'the head of {name}', 'not in its files')}: this is a "
            "body that was saved without its head, whose losses would be random; save the model "
            f"with its head; {DRAWN}"
        )
    surplus = [weight for weight in unexpected if _in_block(weight)]
    if surplus:
        raise NotReadError(
            f"model.name: {some(surplus, f'the files of {name}', NO_PLACE)}: is the config that of "
            "another model, or of fewer blocks?"
        )
    return missing


def some(weights: list[str], owner: str, said: str) -> str:
    """`3 weights of OWNER are SAID, such as WEIGHT`, or what one weight is."""
    if len(weights) == 1:
        return f"the weight {weights[0]} of {owner} is {said}"
    return f"{len(weights)} weights of {owner} are {said}, such as {weights[0]}"


def _in_block(weight: str) -> bool:
    return any(part.isdecimal() for part in weight.split("."))


def _cause(missing: list[str], unexpected: list[str]) -> str:
    """The likely cause, as the end of a sentence."""
    if not unexpected:
        return ": files of the model are missing, or only a part of it was saved"
    names = set(missing)
    prefixes = Counter(
        weight.removesuffix(name)
        for weight in unexpected
        for name in names & {".".join(weight.split(".")[i:]) for i in range(1, 4)}
    )
    others = f"{len(unexpected)} others are" if unexpected[1:] else "another is"
    if prefixes:
        prefix = prefixes.most_common(1)[0][0]
        return (
            f", but {others} (names that begin with `{prefix}` are those of a compiled or wrapped "
            "model): save the model inside of it, or rename them"
        )
    return (
        f", and {others}, as {unexpected[0]}: the config is that of another architecture, or the "
        "names were changed"
    )


def headers(where: Mapping[str, Any], name: str) -> Header:
    """Names and shapes of all weights in the files of `from_pretrained` arguments.

    Raises NotReadError for files that are not there, cut, or no more than pointers.
    """
    found: Header = {}
    for file in weight_files(where, name):
        found |= _header(file, name)
    return found


def check_headers(
    weights: Header, config: "PreTrainedConfig", model_class: str, name: str, kind: str
) -> list[str]:
    """As `judge`, from the names and shapes of `weights` alone: none is read."""
    import transformers

    auto = getattr(transformers, model_class)
    with quiet_loading(), _refused_numbers(name):
        model, found = auto._model_mapping[type(config)].from_pretrained(
            None,
            config=config,
            state_dict=weights,
            device_map={"": "meta"},
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **NO_CODE,
        )
    placed, heads = without_heads(found, model)
    if heads:
        print(foreign_heads.told(heads, name, config), flush=True)
    return judge(name, kind, placed, f"{model.base_model_prefix}.", replaced=False)


def without_heads(
    found: Mapping[str, Iterable[Any]], model: "PreTrainedModel"
) -> tuple[dict[str, Iterable[Any]], list[str]]:
    """transformers' report on loading without the heads of a foreign class, and these."""
    body = f"{model.base_model_prefix}."
    own = model.state_dict(keep_vars=True)
    heads = foreign_heads.heads(model.config, own, found["unexpected_keys"], body)
    return {**found, "unexpected_keys": set(found["unexpected_keys"]) - set(heads)}, sorted(heads)


def check_drawn(config: "PreTrainedConfig", model_class: str, name: str) -> None:
    """Raises NotReadError where no model of random weights can be made of the config."""
    import transformers

    with quiet_loading(), torch.device("meta"), _refused_numbers(name):
        getattr(transformers, model_class).from_config(config, **NO_CODE)


@contextlib.contextmanager
def _refused_numbers(name: str) -> Iterator[None]:
    """A class may refuse the numbers of a config by any error, as heads that do not divide it."""
    try:
        yield
    except Exception as error:
        told = str(error).strip().splitlines() or [""]
        raise NotReadError(
            f"model.name: no model can be made of the config.json of {name}: "
            f"{type(error).__name__}: {told[0]}"
        ) from error


def weight_files(where: Mapping[str, Any], name: str) -> list[Path]:
    """The files of weights of a local folder or a hub id; raises NotReadError where they lack.

    And where more than one set of them is there; where there are none but pickles, which are read
    where the machine's settings say so; and where the config has transformers load another file
    than the one that is found here.
    """
    from transformers.utils.hub import cached_file, get_checkpoint_shard_files

    place = dict(where)
    path = place.pop("pretrained_model_name_or_path")
    place.pop("trust_remote_code", None)
    _refuse_other_file(path, place, name)
    if Path(path).is_dir() and (told := unclear(Path(path))):
        raise NotReadError(
            f"model.name: which weights of {name} are meant is not clear: it has {told}; keep "
            "those that are meant, and take the others away"
        )
    quiet = {"_raise_exceptions_for_missing_entries": False}
    for file in FILES:
        found = cached_file(path, file, **place, **quiet)
        if found is None:
            continue
        if ".bin" in file and not machine().pickled_weights:
            raise NotReadError(
                f"model.name: {name} has its weights as {file} alone, a pickle, which may hold "
                "more than weights: save it as safetensors, or LM_GEOMETRY_PICKLED_WEIGHTS=1 in "
                "the environment or .env has its tensors read"
            )
        if not file.endswith(".json"):
            return [Path(found)]
        try:
            return [Path(f) for f in get_checkpoint_shard_files(path, found, **place)[0]]
        except (OSError, ValueError, KeyError, RecursionError) as error:
            raise NotReadError(
                f"model.name: {name} lacks a part of its weights that {file} lists: {error}"
            ) from None
    raise NotReadError(
        f"model.name: {name} has no weights ({', '.join(FILES)}); `weights: random` draws them"
    )


def _refuse_other_file(path: str, place: Mapping[str, Any], name: str) -> None:
    """Raises NotReadError for a config, or one within it, that names a file of weights itself."""
    from transformers import PreTrainedConfig

    found, _ = PreTrainedConfig.get_config_dict(path, **place)  # of the file that is taken
    level: list[Any] = [found]
    while level:
        for config in level:
            key = next((key for key in OTHER_FILE if key in config), None)
            if key is not None:
                raise NotReadError(
                    f"model.name: config.json of {name} has the key {key} ({config[key]!r}), by "
                    f"which another file than {FILES[0]} may be loaded: take the key out"
                )
        level = [inner for config in level for inner in config.values() if isinstance(inner, dict)]


def _header(file: Path, name: str) -> Header:
    from safetensors import SafetensorError
    from transformers.modeling_utils import load_state_dict

    if not file.exists():
        raise NotReadError(f"model.name: {name} lacks {file.name}, which its index lists")
    with file.open("rb") as opened:
        if opened.read(40).startswith(LFS_POINTER):
            raise NotReadError(
                f"model.name: {file.name} of {name} is a pointer of Git LFS, not the weights: "
                "`git lfs pull` brings them"
            )
    try:
        return load_state_dict(str(file), map_location="meta")
    except UnpicklingError:  # whose own text says how to have the rest of it run
        told = "holds more than the tensors of weights, or is no pickle: save it as safetensors"
        raise NotReadError(f"model.name: {file.name} of {name} {told}") from None
    except (SafetensorError, EOFError, RuntimeError, OSError, ValueError) as error:
        raise NotReadError(
            f"model.name: {file.name} of {name} ({file.stat().st_size:,} bytes) is cut or damaged: "
            f"{str(error).splitlines()[0]}; copy or download it again"
        ) from None
