"""Columns that params.yaml names, against those of the corpora as data-prep wrote them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.outs.embed.exclusion import KINDS, kinds_of
from lm_geometry.params.agreement.valid import Catalogue
from lm_geometry.params.sections import Params
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import read_json
from lm_geometry.workspace.section import ROOT

PLACES = ("sequence", "position", "document", "special")  # of every token table
SPELLING = ("token_id", "token")  # not where a text may not be passed on
SCALAR = ("string", "large_string", "bool", "null", "int8", "int16", "int32", "int64",
          "uint8", "uint16", "uint32", "uint64")  # fmt: skip
LISTS = ("List", "LargeList", "Sequence")


@dataclass(frozen=True)
class Described:
    """A compared corpus split and its columns, as `datasets` describes them."""

    split: CorpusSplit
    features: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The split, in words."""
        return f"corpus {self.split.corpus} ({self.split.split})"

    @property
    def scalars(self) -> list[str]:
        """Columns of texts, whole numbers and truth values, which tokens of a sequence can have."""
        own = {*PLACES, *SPELLING, "text", *(["part"] if "context" in self.features else [])}
        return [name for name, kind in self.features.items() if name not in own and _scalar(kind)]

    @property
    def flags(self) -> list[str]:
        """Columns of truth values, of sequences or of tokens."""
        masks = [n for n, kind in self.features.items() if n.startswith("mask_") and _list(kind)]
        return [n for n in self.scalars if self.features[n].get("dtype") == "bool"] + masks

    def of_tokens(self, params: Params) -> list[str]:
        """Columns of the token table that embed makes of the split."""
        there = self.features
        found = [*PLACES, *([] if self.split.private else SPELLING)]
        found += ["part"] if "context" in there else []
        found += [n for n in self.scalars if n == "label" or n in params.embed.columns]
        found += self.flags
        words = all(name in there and _list(there[name]) for name in ("words", "tags"))
        found += ["tag"] if words or "token_tags" in there else []
        found += ["part_of_speech"] if params.embed.tag_parts_of_speech else []
        return list(dict.fromkeys(found))


def columns_are_in_the_corpora(params: Params, catalogue: Catalogue) -> Iterator[str]:
    """What embed.columns, token_sample.mask and estimate.exclude ask of each corpus is there.

    Asked once data-prep has written the corpora; what a column holds is read by the stages.
    """
    for one in _described(params, catalogue):
        for name in params.embed.columns:
            if name not in one.scalars:
                yield (
                    f"embed.columns: {name!r} is no column of strings, whole numbers or booleans "
                    f"of {one.name}; there are {_listed(one.scalars)}"
                )
        yield from _masked(params, one)
        for reading in params.estimate.exclude:
            if one.split.private and KINDS["token"] in map(KINDS.__getitem__, kinds_of(reading)):
                yield (
                    f"estimate.exclude: {reading} needs the ids of tokens, which are not kept of "
                    f"{one.name}, as its text may not be passed on: leave this reading out"
                )


def _masked(params: Params, one: Described) -> Iterator[str]:
    mask = params.token_sample.mask
    if isinstance(mask, str):
        if mask not in ("none", *one.flags):
            yield (
                f"token_sample.mask: {mask!r} is no boolean column of {one.name}; there are "
                f"{_listed(one.flags)}. Another column needs values: {{part_of_speech: [NN]}}"
            )
        return
    there = one.of_tokens(params)
    for name in mask:
        if name in there:
            continue
        how = ""
        if name == "part_of_speech":
            how = " (embed.tag_parts_of_speech: true makes it)"
        elif name in one.scalars:
            how = f" (embed.columns: [{name}] brings it)"
        elif name in SPELLING:
            how = " (the text may not be passed on)"
        yield (
            f"token_sample.mask: the token table of {one.name} has no column {name!r}{how}; it has "
            f"{_listed(there)}"
        )


def _described(params: Params, catalogue: Catalogue) -> list[Described]:
    """The compared splits of texts; none where data-prep has not written those of these parameters.

    Equations have tables of their own.
    """
    named = [catalogue.corpora.get(name) for name in params.data_prep.evaluate]
    if not catalogue.prepared or any(one and one.reader == "equations" for one in named):
        return []
    folder = catalogue.root / paths.CORPORA.relative_to(ROOT)
    try:
        splits = [CorpusSplit(**entry) for entry in read_json(folder / "index.json")["splits"]]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    return [
        Described(split, read_json(info)["features"])
        for split in splits
        if (info := split.folder(folder) / "dataset_info.json").exists()
    ]


def _scalar(kind: Any) -> bool:
    of_values = isinstance(kind, dict) and kind.get("_type") == "Value"
    return (of_values and kind.get("dtype") in SCALAR) or (
        isinstance(kind, dict) and kind.get("_type") == "ClassLabel"
    )


def _list(kind: Any) -> bool:
    return isinstance(kind, list) or (isinstance(kind, dict) and kind.get("_type") in LISTS)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
