"""Models: from a name in params.yaml to weights and tokenizer in memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_geometry.models import kept, sources
from lm_geometry.models.downloaded import record, verified
from lm_geometry.models.facts import NO_CODE, NotReadError, class_with_head
from lm_geometry.models.gguf import converted
from lm_geometry.models.hub_errors import hub_errors
from lm_geometry.models.hub_weights import altered, are_of
from lm_geometry.models.merging import merged
from lm_geometry.models.quiet import quiet_loading
from lm_geometry.models.small import small_model, spare_positions
from lm_geometry.models.weights import judge, some, weight_files, without_heads
from lm_geometry.outs.data_prep.model import ModelSource
from lm_geometry.workspace import machine
from lm_geometry.workspace.files import read_json, whole_folder
from lm_geometry.workspace.progress import under_way

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


def local_location(source: str) -> dict[str, Any]:
    """`from_pretrained` arguments of a source: a local folder, or a hub id with its revision.

    Code that comes with a model is never run, nor is anybody asked whether it should be. Raises
    NotReadError for an id that is also a path here.
    """
    parsed = sources.parse(source)
    if parsed.scheme == "hub":
        _refuse_shadowed(parsed.location)
        found = {"pretrained_model_name_or_path": parsed.location} | NO_CODE
        return found | ({"revision": parsed.revision} if parsed.revision else {})
    if parsed.scheme == "kept":
        return {"pretrained_model_name_or_path": str(_kept(parsed))} | NO_CODE
    try:
        path = sources.fetch(parsed, machine.downloads())
    except sources.SourceError as error:
        raise SystemExit(str(error)) from None
    if path.suffix == ".gguf":
        path = converted(path)
    return {"pretrained_model_name_or_path": str(path)} | NO_CODE


def _refuse_shadowed(id: str) -> None:
    """Of an id that is a path here, too, transformers takes what lies there in silence."""
    if Path(id).exists():
        here = Path(id).absolute()
        raise NotReadError(
            f"model.name: {here} is here, and would be read in place of hub:{id}: rename it, or "
            f"name it as file:{here}"
        )


def _kept(source: sources.Source) -> Path:
    """The folder of a kept model; where it has adapters alone, one with merged weights, made once.

    Exits with one sentence where the model is nowhere to be had.
    """
    downloads = machine.downloads()
    try:
        folder = kept.fetch_kept(source.location, source.sha256, downloads)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    if not (folder / kept.ADAPTERS).exists():
        return folder
    target = downloads / "kept" / f"{source.sha256[:24]}-merged"
    if not verified(target):
        base = ModelSource(**read_json(folder / kept.BASE_SOURCE))
        if base.content and sources.parse(base.source).scheme == "hub":
            refuse_other_weights(base, f"the base of {folder.name}")
        model, tokenizer = load_model(base, folder), load_tokenizer(base)
        with whole_folder(target) as temporary, quiet_loading():
            model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            record(temporary, target)
    return target


def refuse_other_weights(source: ModelSource, parameter: str) -> None:
    """Raises ValueError where the weights of a hub model, as they lie in this machine's cache, are
    not those that its record names by hash; `parameter` is what asks for the model.

    The hub's libraries take what has the right name: not a byte of it is looked at by them.
    """
    if source.weights == "random":
        return
    with hub_errors(source.source):
        files = weight_files(local_location(source.source), source.name)
    if are_of(source.content, files):
        return
    told = ", ".join(map(str, altered(files) or files))
    raise ValueError(
        f"{parameter}: the weights of {source.source} in this machine's cache are not those that "
        f"were recorded by the hub's own hashes: delete {told}, and they are downloaded again"
    )


def load_tokenizer(source: ModelSource) -> "PreTrainedTokenizerBase":
    """The model's own tokenizer, as `tokenizer_of`."""
    return tokenizer_of(source.source)


def tokenizer_of(source: str) -> "PreTrainedTokenizerBase":
    """The tokenizer of a source, which pads on the right, with its end token if it has no pad."""
    from transformers import AutoTokenizer

    with hub_errors(source), quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(**local_location(source))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer


def read_config(source: ModelSource) -> "PreTrainedConfig":
    """The model's own config, before anything of it is changed."""
    return config_of(source.source)


def config_of(source: str) -> "PreTrainedConfig":
    """The config of a source; raises NotReadError where its class refuses its values."""
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig

    where = local_location(source)
    try:
        with hub_errors(source), quiet_loading():
            return AutoConfig.from_pretrained(**where)
    except (StrictDataclassError, ValueError, KeyError, TypeError, AttributeError) as error:
        told = " ".join(str(error).split())
        raise NotReadError(f"model.name: config.json of {source} is not valid: {told}") from None


def longest_input(source: ModelSource) -> int:
    """How many tokens the model reads at most, by its config and its tokenizer.

    Of the positions of a config some may not be for tokens: RoBERTa's begin after that of padding.
    How many a small model of the same class tells.
    """
    config = read_config(source)
    try:
        small = small_model(config, class_with_head(source.kind, config), layers=1)
    except ValueError:
        small = None
    return longest_of(config, load_tokenizer(source), small)


def longest_of(
    config: "PreTrainedConfig",
    tokenizer: "PreTrainedTokenizerBase",
    small: "PreTrainedModel | None",
) -> int:
    """How many tokens a model reads at most, of whose class `small` is."""
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    tokens = int(min(tokenizer.model_max_length, 2**31 - 1))
    if not isinstance(positions, int):
        return tokens
    return min(tokens, positions - (spare_positions(small) if small is not None else 0))


def load_model(source: ModelSource, checkpoint: Path | None = None) -> "PreTrainedModel":
    """The language model with its head, float32, in evaluation mode, on the CPU.

    `checkpoint` is a folder that fine-tuning wrote: adapters, which are merged into the weights,
    or a whole model. Without it the model is the base. Where a task with classes was trained, the
    body is the checkpoint's and the language model's head is the base model's.
    """
    import torch
    import transformers

    config = read_config(source)
    model_class = class_with_head(source.kind, config)
    if checkpoint is not None and is_language_model(checkpoint):
        torch.manual_seed(source.seed)
        with quiet_loading():
            kind = getattr(transformers, model_class)
            return kind.from_pretrained(checkpoint, dtype=torch.float32, **NO_CODE).eval()
    model, drawn = load_with_head(source, model_class, config, source.seed)
    if drawn and source.weights != "random":
        vars(model)["drawn_head"] = True  # of which no loss is made: models.probe
        print(
            f"{some(sorted(drawn), f'the masked-LM head of {source.name}', 'not in its files')}: "
            "its losses, from what is drawn at random, say nothing until a masked_lm training, "
            "which `lm-geometry keep` makes a model",
            flush=True,
        )
    if checkpoint is None:
        return model
    with quiet_loading():
        if (checkpoint / "adapter_config.json").exists():
            return merged(model, checkpoint).eval()
        trained = transformers.AutoModel.from_pretrained(checkpoint, dtype=torch.float32, **NO_CODE)
    missing = model.base_model.load_state_dict(trained.state_dict(), strict=False).missing_keys
    if missing:
        raise ValueError(f"{checkpoint} is no checkpoint of {source.name}: it lacks {missing[0]}")
    return model


def load_with_head(
    source: ModelSource, model_class: str, config: "PreTrainedConfig", seed: int
) -> tuple["PreTrainedModel", set[str]]:
    """The model of the source as a class of transformers, float32, in evaluation mode, on the CPU.

    Also the names of the weights that the source does not have, which are drawn by `seed`: those
    of a head. Exits with one sentence where others are missing, or too many.
    """
    import torch
    import transformers

    kind = getattr(transformers, model_class)
    torch.manual_seed(seed)
    with hub_errors(source.source), quiet_loading(), under_way(f"loading {source.name}"):
        if source.weights == "random":
            model = kind.from_config(config, dtype=torch.float32, **NO_CODE).eval()
            return model, {name for name, _ in model.named_parameters()}
        weight_files(local_location(source.source), source.name)
        replaced = "Classification" in model_class
        model, found = kind.from_pretrained(
            **local_location(source.source),
            config=config,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=replaced,  # a head of other classes
        )
    body = f"{model.base_model_prefix}."
    try:
        placed, _ = without_heads(found, model)
        return model.eval(), set(judge(source.name, source.kind, placed, body, replaced))
    except NotReadError as error:
        raise SystemExit(str(error)) from None


def is_language_model(checkpoint: Path) -> bool:
    """Whether a checkpoint is a whole model with a head that predicts tokens."""
    if (checkpoint / "adapter_config.json").exists():
        return False
    architectures = read_json(checkpoint / "config.json")["architectures"]
    return not any("Classification" in name for name in architectures)
