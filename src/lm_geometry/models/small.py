"""Small models of any architecture, drawn at random from its own config class in a moment.

What a model computes (which tokens it sees, what it does with padding, how many states it returns
and what is done to the last) is in its code, and the same at any width. So a small one with the
depth of a large one answers for it before a single weight is read.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from lm_geometry.models.body import tokens_alone, without_cache
from lm_geometry.models.facts import NO_CODE
from lm_geometry.models.quiet import quiet_loading

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

VOCABULARY, WIDTH, POSITIONS = 120, 32, 64
PER_BLOCK, LARGEST = 2_000_000, 60_000_000  # weights of a small model, at most
SHALLOW = 10  # blocks, of which a model may have the weights in any case
DEPTH, FREE = -1, -2  # as many blocks as are asked for; no size of its own
HEADS = r"(heads?$|n_head|num_head)(?<!d_head)"
HEAD = r"head_dim|d_kv|d_head|head_size|kv_channels|headdim"

# What a whole number of a config means by its name, and how small it may be; the first that fits.
SIZES: tuple[tuple[str, int | None], ...] = (
    (r"num_register_tokens|type_vocab_size|num_labels|^_|shared_layers", None),
    (r"(^|_)vocab_size|^n_vocab", VOCABULARY),
    (r"shared_expert|zero_expert", 1),
    (r"experts_per_tok|top_?k(_experts)?$|moe_k|selected_experts|expert_k|moe_topk", 2),
    (r"n_group|topk_group|num_expert_group", 1),
    (r"(num|n|nb)_.*experts|moe_num_experts|num_experts", 4),
    (r"nextn|mtp|num_next|first_k_dense|n_dense|offset$|expand$", 1),
    (r"(period|interval|_every|_step|group_size)$", 2),
    (r"(hidden_layers|(^|_)layers|n_layers?|num_blocks|num_layers|layer_depth)$", DEPTH),
    (r"key_value_heads|kv_heads|query_groups|num_kv", 2),
    (HEADS, 4),
    (r"head_dim|d_kv|d_head|head_size|kv_channels|headdim|attention_key_.*dim|rotary_dim", 8),
    (r"rank", 8),
    (r"intermediate|ffn|d_ff$|n_inner|feed_?forward|mlp_hidden", 48),
    (
        r"^((.*_)?hidden_size|d_model|n_embd|dim|(.*_)?emb(ed|edding)?_dim|embedding_size"
        r"|d_embed|n_embed|.*hidden_dim|lru_width|.*proj(ection)?_dim|model_dim|output_dim"
        r"|.*d_ssm|hidden_size_per_layer_input)$",
        WIDTH,
    ),
    (r"max_position|n_positions|max_seq|n_ctx|max_source|max_target|max_length", POSITIONS),
    (r"state_size|d_state|ssm_state", 8),
    (r"window|chunk_size|local_attention|block_size|index_topk", 8),
)
COUNTS = {VOCABULARY, POSITIONS, DEPTH, 1, 2, None}  # of `SIZES`, what is no width
DEEP, OWN = "(hidden_layers|(^|_)layers|num_layers)$", 10**6  # as deep as it is
# What may be None, and then is small.
UNSET = r"head_dim|vocab_size|experts|key_value_heads|^pad_token_id"


@dataclasses.dataclass(frozen=True)
class Numbers:
    """How small the numbers of a config become, and which.

    `others`, by patterns of names, come before `SIZES`. With a `share` above 1 widths are that part
    of what they were, so that sums and products of them stay; with `fill` numbers that are None are
    set, too. With `fewer_heads` the share is what leaves two heads of each config, and the width of
    a head stays, as rotary positions divide it.
    """

    others: Mapping[str, int] = field(default_factory=dict)
    share: int = 1
    fill: bool = False
    fewer_heads: bool = False

    def of(self, config: "PreTrainedConfig") -> "Numbers":
        """The numbers for one config, or one tower of it."""
        heads = _own(config.get_text_config(), "num_attention_heads") or _own(config, "num_heads")
        if not self.fewer_heads or type(heads) is not int:
            return self
        return dataclasses.replace(self, share=max(2, heads // 2))

    def small(self, name: str, value: int | None, layers: int | None) -> int:
        """The small number in the place of `value`; `layers` are the blocks, None for its own."""
        if value is not None and re.search(r"(token_id|_id|token_index|_index)$", name):
            return value if value < VOCABULARY else 1
        sizes = [*self.others.items(), *SIZES]
        size = next((size for pattern, size in sizes if re.search(pattern, name)), FREE)
        if self.share > 1 and value is not None and size not in COUNTS:
            kept = re.search(HEAD if self.fewer_heads else HEADS, name)
            if self.fewer_heads and re.search(HEADS, name):
                return max(1, value // self.share)
            return value if kept or value < 2 * self.share else value // self.share
        size = layers if size == DEPTH else None if size == FREE else size
        if size is None or value is None:
            return size or value or 0
        return min(size, value)


# Where a class refuses the small numbers together: others for some of them, or all in proportion.
VARIANTS: tuple[Numbers, ...] = tuple(
    Numbers(others, share, fill)
    for others, share in (
        ({}, 1),
        ({"key_value_heads": 4}, 1),
        ({"shared_layers": 0}, 1),
        ({"first_k_dense|n_dense": 0}, 1),
        ({DEEP: 4}, 1),
        ({"head_dim": 16}, 1),
        ({}, 32),
        ({}, 8),
        ({DEEP: 12}, 1),
        ({DEEP: 12}, 16),
        ({DEEP: OWN}, 1),
    )
    for fill in (False, True)
) + tuple(Numbers(share=2, fill=fill, fewer_heads=True) for fill in (False, True))


def small_model(
    config: "PreTrainedConfig", model_class: str, layers: int | None = None
) -> "PreTrainedModel":
    """A model of the class of transformers, of `small_config`, with random weights.

    It is drawn without a seed of its own: the caller's generator decides. Raises ValueError where
    none of the tried sizes makes a model of that class.
    """
    import transformers

    make: Callable[..., PreTrainedModel] = partial(
        getattr(transformers, model_class).from_config, **NO_CODE
    )
    reasons: list[str] = []
    for numbers in VARIANTS:
        if layers is None and numbers.others.get(DEEP, OWN) < OWN:
            continue
        try:
            with quiet_loading():
                small = small_config(config, layers, numbers)
                with torch.device("meta"):
                    weights = sum(p.numel() for p in make(small).parameters())
                deep = _own(small.get_text_config(), "num_hidden_layers") or SHALLOW
                if weights > min(LARGEST, PER_BLOCK * max(SHALLOW, deep)):
                    raise ValueError(f"{weights:,} weights in the smallest one")
                model = make(small, dtype=torch.float32).eval()
            _passes(model)
        except Exception as error:  # whatever a class says to numbers that it was not made for
            reasons.append(f"{type(error).__name__}: {error}".split("\n")[0])
        else:
            return model
    raise ValueError(f"no small {config.model_type} can be drawn ({reasons[0]})")


def spare_positions(model: "PreTrainedModel") -> int:
    """How many of the positions in a small model's config are not for tokens."""
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", POSITIONS)
    for spare in range(4):
        try:
            _passes(model, longest - spare)
        except (IndexError, RuntimeError):
            continue
        return spare
    return 0


@torch.no_grad()
def _passes(model: "PreTrainedModel", tokens: int = 11) -> None:
    ids = torch.arange(tokens)[None] % 11 + 5
    model(**tokens_alone(model, ids), **without_cache(model))


def small_config(
    config: "PreTrainedConfig", layers: int | None = None, numbers: Numbers = Numbers()
) -> "PreTrainedConfig":
    """A config of the same class with small numbers, its own depth or `layers` blocks.

    Configs of towers are made small as well. Raises what the class raises for numbers that it does
    not accept together.
    """
    kind, towers = type(config), getattr(type(config), "sub_configs", {}) or {}
    numbers, given = numbers.of(config), numbers
    found: dict[str, Any] = {}
    for name in (one.name for one in dataclasses.fields(kind)):
        value = _own(config, name)
        if name in towers:
            if hasattr(value, "model_type"):
                found[name] = small_config(value, layers, given)
        elif numbers.share > 1 and (sizes := _sizes(value)):
            found[name] = [numbers.small(name, size, layers) for size in sizes]
        elif isinstance(value, bool | str | float) or (layers is None and value is not None):
            found[name] = value
        if type(value) is int or (numbers.fill and value is None and re.search(UNSET, name)):
            found[name] = numbers.small(name, value, layers)
    found.pop("architectures", None)
    return kind(**found)


def _sizes(value: object) -> list[int]:
    """The few sizes that a value is, as of parts of a whole; empty for a number of each block."""
    given: list[Any] = list(value) if isinstance(value, list | tuple) else []
    return given if len(given) <= 4 and all(type(one) is int for one in given) else []


def _own(config: "PreTrainedConfig", name: str) -> Any:
    try:
        return getattr(config, name, None)
    except Exception:  # one that the class has by block, and not as a whole
        return None
