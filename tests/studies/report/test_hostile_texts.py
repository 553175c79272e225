"""What models, corpora and labels call themselves stands in a study's page as text."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lm_geometry.studies.definition import read_study
from lm_geometry.studies.report import run_page
from lm_geometry.studies.report.page import web_page
from tests.hostile_labels import LABELS, Page

NAME = "sensitivity_seeds"
NEVER = {"script", "link", "iframe", "object", "base"}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def readme(label: str) -> str:
    """A page as `report.page.page` makes it of models and groups of this name."""
    cell = label.replace("|", "")
    return f"""# {NAME}

What does {label} do?

{label}

## Change

![{label}](change.svg)

| group | mean |
|---|---|
| {cell} | 1 |
| ![](http://elsewhere.invalid/seen.png) | 2 |

## Provenance

- {label} (pretrained): `file:a`{label}`b`
- [a model](javascript:alert(1))
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / NAME
    place.mkdir()
    (place / "change.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return place


def test_nothing_that_is_written_in_a_page_is_run_or_loaded(place: Path) -> None:
    (place / "README.md").write_text(readme(HOSTILE))
    (place / "change.csv").write_text(f"group,mean\n{HOSTILE},1\n")
    page = Page(web_page(NAME, read_study(NAME), place))
    assert not {*page.tags} & NEVER
    pictures = [own for tag, own in page.elements if tag == "img"]
    assert [str(own["src"])[:9] for own in pictures] == ["data:imag"]
    assert page.runs == []
    assert page.text.count(HOSTILE) == 6  # as it was written: where it is no name of a picture
    (policy,) = [own["content"] for tag, own in page.elements if "http-equiv" in own]
    assert " (http://elsewhere.invalid/seen.png)" in page.text  # a picture of elsewhere is none
    assert str(policy).startswith("default-src 'none'; img-src data:;")


@pytest.mark.parametrize("what", LABELS)
def test_no_label_becomes_an_element_that_runs(place: Path, what: str) -> None:
    label = LABELS[what]
    (place / "README.md").write_text(readme(label))
    pd.DataFrame({"group": [label]}).to_csv(place / "change.csv", index=False)
    page = Page(web_page(NAME, read_study(NAME), place))
    assert not {*page.tags} & NEVER
    assert (page.runs, page.scripts) == ([], [])
    assert label in page.text  # of the table, whose cells know no Markdown
    assert "49" not in page.text.replace(label, "").split("All numbers")[0]


def test_a_picture_that_only_a_label_names_is_looked_for_nowhere(place: Path) -> None:
    (place.parent / "secret.svg").write_text("<svg>not of this study</svg>")
    (place / "README.md").write_text(readme("![](../secret.svg) ![](nothing.svg)"))
    page = Page(web_page(NAME, read_study(NAME), place))
    found = [str(own["src"]) for tag, own in page.elements if tag == "img"]
    assert [src[:9] for src in found] == ["data:imag"]
    assert "(../secret.svg)  (nothing.svg)" in page.text


class Tree:
    """A run whose tables, parameters and pictures have this label in them."""

    def __init__(self, label: str) -> None:
        self.label = label

    def exists(self, path: Path) -> bool:
        return path.name in ("means.parquet", "loss.svg")

    def open(self, path: Path) -> io.BytesIO:
        return io.BytesIO(f"# {self.label}".encode())

    def read_table(self, path: Path, columns: object = None) -> pd.DataFrame:
        return pd.DataFrame({"corpus": [self.label], "mean": [1.0]})


@pytest.mark.parametrize("what", LABELS)
def test_no_label_of_a_run_becomes_an_element(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(run_page, "read_run", lambda *_: SimpleNamespace())
    pages = []
    for label in ("plain", LABELS[what]):
        monkeypatch.setattr(run_page, "result_of_run", lambda *_, label=label: f"of {label}")
        tree: Any = Tree(label)
        file = run_page.write_run_page(tree, label, tmp_path / "page.html")
        pages.append(Page(file.read_text(encoding="utf-8")))
    assert pages[1].tags == pages[0].tags
    assert pages[1].runs == pages[1].scripts == []
    assert pages[1].text.count(LABELS[what]) == 5  # title, heading, result, table, parameters
