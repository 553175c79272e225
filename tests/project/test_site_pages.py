"""The pages of the site: links lead somewhere, public names are on a page, nav has all pages."""

import re
from pathlib import Path

import pytest
import site_pages

import lm_geometry
from tests.structure import ROOT


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    site_pages.gather(folder)
    return folder


def test_no_link_of_a_page_is_dead(gathered: Path) -> None:
    dead = [
        f"{page.relative_to(gathered)}: {link}"
        for page in gathered.rglob("*.md")
        for link in site_pages.LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).is_file()
    ]
    assert not dead


def test_each_public_name_has_its_place_in_the_library(gathered: Path) -> None:
    pages = "".join(p.read_text(encoding="utf-8") for p in (gathered / "library").glob("*.md"))
    named = re.findall(r"^::: lm_geometry\.[\w.]*?(\w+)$", pages, flags=re.MULTILINE)
    assert sorted(named) == sorted(lm_geometry.__all__)


def test_what_leads_through_the_site_are_its_pages(gathered: Path) -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("nav:\n")[2]
    pages = set(re.findall(r"[\w/.-]+\.md", text))
    assert not [page for page in pages if not (gathered / page).is_file()]
    beside = {f"docs/{path.name}" for path in (gathered / "docs").glob("*.md")} - {"docs/README.md"}
    assert beside <= pages
    assert {f"library/{path.name}" for path in (gathered / "library").glob("*.md")} <= pages
