"""How a measurement is made: the names of params.yaml, with defaults of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

from pydantic import TypeAdapter, ValidationError

from lm_geometry.embed.params import Embed
from lm_geometry.estimate.params import Estimate, Jackknife, LocalEstimator, Lpca, Signal
from lm_geometry.token_sample.params import Dropped, TokenSample
from lm_geometry.workspace.points import RESIDUAL, Points

Where = Literal["residual", "attention", "mlp"] | Mapping[str, str]
WEIGHTS: Literal["weight_norm"] = "weight_norm"  # of a model, which the callback alone measures
LongTexts = Literal["pieces", "cut"]


class Options(TypedDict, total=False):
    """What may be said of a measurement; `lm-geometry params` explains the names of params.yaml.

    Beside those: `long_texts`, "pieces" where a text longer than `max_length` is continued in
    further sequences of the same document, "cut" where it ends there, as in the pipeline; `where`,
    which is `embed.points` (`points` is N here, but a place given as `points` is taken for one);
    `corpus` and `split`, the names that random draws are keyed by; `seed` of the rows that are
    kept; `confidence` of intervals; `half` of an encoder-decoder. `jackknife` may be the number of
    groups alone, 0 for none, which is the default of `measure` of one model.
    """

    long_texts: LongTexts
    where: Where
    corpus: str
    split: str
    seed: int
    confidence: float
    half: Literal["", "encoder", "decoder"]
    max_length: int
    prefix_space: bool
    batch_tokens: int
    dtype: Literal["float32", "bfloat16", "auto"]
    normalise: Literal["none", "l2"]
    keep_tokens: int | Literal["all"]
    drop: list[Dropped]
    massive: float
    prepared: int
    points: int | Where
    zero_vectors: Literal["keep", "remove"]
    seeds: list[int]
    noise: float
    noise_seed: int
    estimators: list[LocalEstimator]
    n_neighbors: list[int | float]
    exclude: list[str]
    signals: Sequence[Signal | Literal["weight_norm"]]
    jackknife: int | Mapping[str, int]
    search: Literal["exact", "int8", "approximate"]
    cdf: Literal["i/n", "(i-1)/n"]
    fit: Literal["linear", "mle"]
    discard: float
    lpca: Mapping[str, str | int | Mapping[str, float]]


DEFAULTS: Options = {
    "keep_tokens": 6000,
    "drop": ["eos", "pad", "first", "massive"],
    "prepared": 6000,
    "points": 3000,
    "estimators": ["twonn"],
    "n_neighbors": [64, 128],
    "signals": [],
}
FIXED = {"loss": False, "global_estimators": [], "gride_range": 0}


@dataclass(frozen=True)
class Settings:
    """The sections of params.yaml that a measurement has, and what it has beside them."""

    embed: Embed
    token_sample: TokenSample
    estimate: Estimate
    long_texts: LongTexts = "pieces"
    corpus: str = "texts"
    split: str = "all"
    seed: int = 0
    confidence: float = 0.95
    half: str = ""

    def record(self) -> dict[str, Any]:
        """All that was asked for, as a JSON object."""
        own = {name: value for name, value in vars(self).items() if name not in SECTIONS}
        return own | {name: getattr(self, name).model_dump(mode="json") for name in SECTIONS}


SECTIONS = {"embed": Embed, "token_sample": TokenSample, "estimate": Estimate}


def settings_of(options: Options, defaults: Options | None = None) -> Settings:
    """The settings of a measurement, complete; `defaults` come before those of `measure`.

    Raises ValueError for a name that there is not, with the nearest one, and (pydantic's) for a
    value of another type or out of range.
    """
    given: dict[str, Any] = {**DEFAULTS, **(defaults or {}), **_with_where(options)}
    unknown = [name for name in given if name not in Options.__annotations__]
    if "prompts" in unknown:
        raise ValueError("prompts: they are of one model as it is: see measure")
    if unknown:
        near = get_close_matches(unknown[0], Options.__annotations__, 1)
        raise ValueError(f"{unknown[0]} is no option{f': did you mean {near[0]}?' if near else ''}")
    if isinstance(given.get("jackknife"), int):
        given["jackknife"] = {"groups": given["jackknife"]}
    for name, kind in (("jackknife", Jackknife), ("lpca", Lpca)):
        if name in given:
            given[name] = kind.model_validate(dict(given[name]))
    given = FIXED | {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}
    place = {"points": _place(given.pop("where", RESIDUAL))}
    found: dict[str, Any] = {}
    for name, section in SECTIONS.items():
        own = place if section is Embed else {}
        names = section.model_fields.keys() & given.keys() - own.keys()
        found[name] = section.model_validate(own | {key: given.pop(key) for key in names})
    return Settings(**found, **given)


def _place(where: object) -> Points:
    try:
        return TypeAdapter[Points](Points).validate_python(where)
    except ValidationError:
        raise ValueError(
            f"where: {where!r} is not residual, attention, mlp or {{module: NAME}}, as in "
            f"model.norm or model.layers.*.self_attn"
        ) from None


def _with_where(options: Options) -> dict[str, Any]:
    """The options, a place that was given as `points` by its own name."""
    given: dict[str, Any] = {**options}
    if isinstance(given.get("points"), str | Mapping):
        if "where" in given:
            raise ValueError(f"points: {given['points']!r} is no number, and where is given, too")
        given["where"] = given.pop("points")
    return given
