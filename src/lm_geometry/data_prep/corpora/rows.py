"""What the readers of corpora give: sequences with their document and other columns."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lm_geometry.data_prep.corpora.catalogue import Corpus

Row = dict[str, Any]  # `text` and `document` (strings), and any other columns of the source
Rows = Callable[[Path, Corpus], Iterator[Row]]
