"""The columns that supervised tasks learn from: `label`, and `words` with their `tags`.

`label` is a string for each sequence, empty where it has none. `words` and `tags` are lists of
strings of one length, a BIO tag for each word, and the words joined by spaces are the text.
"""

from typing import TYPE_CHECKING, Any

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.columns import added, column, there
from lm_geometry.data_prep.corpora.tags import words_of

if TYPE_CHECKING:
    from datasets import Dataset


def with_labels(dataset: "Dataset", entry: Corpus) -> "Dataset":
    """The data set with its label and tag columns under their names, as strings.

    Columns that are named `label`, or `words` and `tags`, are taken without being asked for; the
    entry's `label_column` and `tags_column` name others. Class numbers become the names that the
    data set has for them. Raises ValueError where tags and words do not belong together.
    """
    columns = dataset.column_names
    found: dict[str, Any] = {}
    label = entry.label_column or ("label" if "label" in columns else None)
    if label:
        found["label"] = _label(dataset, there(dataset, label, entry), entry)
    tags = entry.tags_column or ("tags" if {"words", "tags"} <= set(columns) else None)
    if tags:
        found |= _tags(dataset, there(dataset, tags, entry), entry)
    replaced = {label, tags, *found} & set(columns)
    if not found:
        return dataset
    return added(dataset.remove_columns(sorted(replaced)), found)


def _label(dataset: "Dataset", name: str, entry: Corpus) -> Any:
    import pyarrow

    values = column(dataset, name)
    names = getattr(dataset.features[name], "names", None)
    if names is not None:
        return pyarrow.chunked_array([_named(values.to_pylist(), names)], pyarrow.string())
    if pyarrow.types.is_nested(values.type):
        raise ValueError(f"{entry.source}: column {name!r} holds {values.type}, not a label a row")
    return values.cast(pyarrow.string()).fill_null("")


def _tags(dataset: "Dataset", name: str, entry: Corpus) -> dict[str, Any]:
    """The columns words and tags; words are the listed ones, or those of the text."""
    feature = dataset.features[name]
    names = getattr(getattr(feature, "feature", None), "names", None)
    tags = [_listed(row) for row in dataset[name]]
    if names is not None:
        tags = [_named(row, names) for row in tags]
    words = [_listed(row) for row in _words(dataset, entry)]
    rows = zip(words, tags, dataset["text"], strict=True)
    for number, (row_words, row_tags, text) in enumerate(rows):
        if len(row_words) != len(row_tags) or " ".join(row_words) != text:
            raise ValueError(
                f"{entry.source}: row {number} has {len(row_tags)} tags for the "
                f"{len(row_words)} words {row_words!r} of the text {text!r}; there must be a tag "
                "for each word, and the words joined by spaces must be the text"
            )
    return {"words": words, "tags": [[str(tag) for tag in row] for row in tags]}


def _words(dataset: "Dataset", entry: Corpus) -> Any:
    named = entry.column if entry.column in dataset.column_names else "words"
    if named == "text" or named not in dataset.column_names:
        named = "words" if "words" in dataset.column_names else "text"
    return dataset[named]


def _listed(value: Any) -> list[Any]:
    """A list as it is; of a file whose cells are texts, the parts between spaces."""
    return words_of(value) if isinstance(value, str) else list(value or [])


def _named(numbers: list[int | None], names: list[str]) -> list[str]:
    """Names of class numbers; a missing class is empty."""
    return ["" if n is None or n < 0 else names[n] for n in numbers]
