"""What models, corpora and labels call themselves stands in a study's page as text."""

from html.parser import HTMLParser
from pathlib import Path

from lm_geometry.studies.definition import read_study
from lm_geometry.studies.report.page import web_page

NAME = "sensitivity_seeds"
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>"
README = f"""# {NAME}

What does {HOSTILE} do?

{HOSTILE}

## Change

![{HOSTILE}](change.svg)

| group | mean |
|---|---|
| {HOSTILE} | 1 |
| ![](http://elsewhere.invalid/seen.png) | 2 |

## Provenance

- {HOSTILE} (pretrained): `file:a`{HOSTILE}`b`
- [a model](javascript:alert(1))
"""


class _Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_that_is_written_in_a_page_is_run_or_loaded(tmp_path: Path) -> None:
    place = tmp_path / NAME
    place.mkdir()
    (place / "README.md").write_text(README)
    (place / "change.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (place / "change.csv").write_text(f"group,mean\n{HOSTILE},1\n")
    page = _Tags(web_page(NAME, read_study(NAME), place))
    found = {tag for tag, _ in page.tags}
    assert not found & {"script", "link", "iframe", "object", "base"}
    pictures = [own for tag, own in page.tags if tag == "img"]
    assert [str(own["src"])[:9] for own in pictures if "data:" in str(own["src"])] == ["data:imag"]
    assert all(not name.startswith("on") for _, own in page.tags for name in own)
    assert page.text.count(HOSTILE) == 6  # as it was written: where it is no name of a picture
    assert not [own for _, own in page.tags if "javascript:" in str(own.get("href"))]
    (policy,) = [own["content"] for tag, own in page.tags if "http-equiv" in own]
    # A picture of elsewhere stands in the page, and no browser fetches it.
    assert str(policy).startswith("default-src 'none'; img-src data:;")
