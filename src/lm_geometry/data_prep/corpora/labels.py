"""The columns that supervised tasks learn from: `label`, and `words` with their `tags`.

`label` is a string for each sequence, empty where it has none. `words` and `tags` are lists of
strings of one length, a BIO tag for each word, and the words joined by spaces are the text.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora import texts
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import added, column, set_aside, there
from lm_geometry.data_prep.corpora.tags import words_of
from lm_geometry.outs.data_prep.corpora import shareable

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

LEARNED = ("label", "words", "tags")


def with_labels(
    dataset: "Dataset", entry: Corpus, first: int = 0, left: dict[str, str] | None = None
) -> "Dataset":
    """The data set with its label and tag columns under their names, as strings.

    Columns that are named `label`, or `words` and `tags`, are taken without being asked for where
    they are what tasks learn from; where they are not, or are `left` already, they become
    `source_label`, `source_words` and `source_tags`, and `left` gets their names with what is to be
    said of it. The entry's `label_column` and `tags_column` name others. Class numbers become the
    names that the data set has for them. Raises ValueError where a column that was asked for is no
    label, or tags and words do not belong together, with the row counted from `first`.
    """
    left = {} if left is None else left
    dataset = set_aside(dataset, [name for name in LEARNED if name in left])
    found: dict[str, Any] = {}
    used: set[str] = set()
    label = entry.label_column or "label"
    if entry.label_column or label in dataset.column_names:
        try:
            found["label"] = _label(dataset, there(dataset, label, entry), entry)
            used.add(label)
        except ValueError as error:
            dataset = _left_alone(dataset, ["label"], error, left, bool(entry.label_column))
    tags = entry.tags_column or "tags"
    if entry.tags_column or {"words", tags} <= set(dataset.column_names):
        try:
            found |= _tags(dataset, there(dataset, tags, entry), entry, first)
            used.add(tags)
        except ValueError as error:
            dataset = _left_alone(dataset, ["words", "tags"], error, left, bool(entry.tags_column))
    elif _are_other_words(dataset):
        left["words"] = ""
        dataset = set_aside(dataset, ["words"])
    replaced = {*used, *found} & set(dataset.column_names)
    if not found:
        return dataset
    return added(dataset.remove_columns(sorted(replaced)), found)


def classes_alone(labels: Mapping[str, Iterable[str]]) -> list[str]:
    """A line for each split that alone has some classes, given the labels of each split.

    A class that is so long that it may be text is named by its hash.
    """
    classes = {split: set(values) - {""} for split, values in labels.items()}
    lines: list[str] = []
    for split, own in classes.items() if len(classes) > 1 else ():
        others = set[str]().union(*(classes[other] for other in classes if other != split))
        if alone := sorted(map(shareable, own - others)):
            more = f" and {len(alone) - 10} more" if alone[10:] else ""
            lines.append(f"classes of {split} alone: {', '.join(alone[:10])}{more}")
    return lines


def _left_alone(
    dataset: "Dataset", names: list[str], error: ValueError, left: dict[str, str], asked: bool
) -> "Dataset":
    """The data set with columns set aside that nobody asked for; else raises `error`."""
    if asked:
        raise error
    told = " and ".join(f"source_{name}" for name in names)
    said = f"{error}; no task learns from {' and '.join(names)}, here {told}"
    left.update(dict.fromkeys(names, "") | {names[0]: said})
    return set_aside(dataset, names)


def _are_other_words(dataset: "Dataset") -> bool:
    """Whether `words` are lists that do not make up the text."""
    import pyarrow

    if "words" not in dataset.column_names:
        return False
    words = column(dataset, "words")
    if not (pyarrow.types.is_list(words.type) or pyarrow.types.is_large_list(words.type)):
        return False
    if not pyarrow.types.is_string(words.type.value_type):
        return True
    return len(texts.differ(texts.joined(words), column(dataset, "text"))) > 0


def _label(dataset: "Dataset", name: str, entry: Corpus) -> "pa.ChunkedArray":
    import pyarrow

    values = column(dataset, name)
    names = getattr(dataset.features[name], "names", None)
    if names is not None:
        return pyarrow.chunked_array([_named(values.to_pylist(), names)], pyarrow.string())
    if pyarrow.types.is_nested(values.type):
        raise ValueError(f"{entry.source}: column {name!r} holds {values.type}, not a label a row")
    try:
        return values.cast(pyarrow.string()).fill_null("")
    except pyarrow.ArrowException:
        raise ValueError(
            f"{entry.source}: column {name!r} holds {values.type}, which is no label"
        ) from None


def _tags(dataset: "Dataset", name: str, entry: Corpus, first: int) -> dict[str, Any]:
    """The columns words and tags; words are the listed ones, or those of the text."""
    feature = dataset.features[name]
    names = getattr(getattr(feature, "feature", None), "names", None)
    tags = [_listed(row, name, number, entry) for number, row in enumerate(dataset[name], first)]
    if names is not None:
        tags = [_named(row, names) for row in tags]
    words_name = _words_name(dataset, entry)
    words = [
        _listed(row, words_name, number, entry)
        for number, row in enumerate(dataset[words_name], first)
    ]
    rows = zip(words, tags, dataset["text"], strict=True)
    for number, (row_words, row_tags, text) in enumerate(rows, first):
        made = all(isinstance(word, str) for word in row_words) and " ".join(row_words) == text
        if len(row_words) != len(row_tags) or not made:
            raise ValueError(
                f"{entry.source}: row {number} has {len(row_tags)} tags for the "
                f"{len(row_words)} words; there must be a tag for each word, and the words "
                "joined by spaces must be the text"
            )
    return {"words": words, "tags": [[str(tag) for tag in row] for row in tags]}


def _words_name(dataset: "Dataset", entry: Corpus) -> str:
    named = entry.column if entry.column in dataset.column_names else "words"
    if named == "text" or named not in dataset.column_names:
        named = "words" if "words" in dataset.column_names else "text"
    return named


def _listed(value: object, name: str, number: int, entry: Corpus) -> list[Any]:
    """A list as it is; of a file whose cells are texts, the parts between spaces."""
    if isinstance(value, str):
        return words_of(value)
    if value is None or isinstance(value, list):
        return value or []
    kind = type(value).__name__
    raise ValueError(f"{entry.source}: {name} of row {number} is of type {kind}, not a list")


def _named(numbers: list[int | None], names: list[str]) -> list[str]:
    """Names of class numbers; a missing class is empty."""
    return ["" if n is None or n < 0 else names[n] for n in numbers]
