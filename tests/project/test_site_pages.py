"""The pages of the site: links lead somewhere, public names are on a page, nav has all pages."""

import re
from pathlib import Path

import pytest
import site_pages
import study_gallery

import lm_geometry
from lm_geometry.studies.definition import read_study
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


def test_every_study_with_a_figure_is_in_the_gallery_with_its_question_and_its_report(
    gathered: Path,
) -> None:
    page = (gathered / study_gallery.PAGE).read_text(encoding="utf-8")
    entries = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    results = ROOT / "studies" / "results"
    run = {path.parent.relative_to(results).as_posix() for path in results.rglob("*/README.md")}
    assert run - set(entries) == {"signals"}  # a page of families, of which none is whole
    for name, entry in entries.items():
        assert entry.count(f"(results/{name}/README.md)") == 2  # the picture's and that in words
        [picture] = re.findall(r"!\[[^\]]+\]\((\S+?\.svg)\)", entry)
        assert (gathered / "studies" / picture).is_file()
    for name in ("grokking", "sensitivity_points"):
        assert read_study(name).question in entries[name]


def test_the_gallery_has_the_first_figure_of_a_report_and_passes_over_one_without(
    tmp_path: Path,
) -> None:
    for name, figures in [("a", ("one", "two")), ("b", ())]:
        report = tmp_path / study_gallery.RESULTS / name / "README.md"
        report.parent.mkdir(parents=True)
        drawn = "".join(f"\n![{figure} of {name}]({figure}.svg)\n" for figure in figures)
        report.write_text(f"# {name}\n\nDoes it\nfall?\n\nMade by.\n{drawn}")
    page = study_gallery.gallery(tmp_path)
    assert "## a\n\nDoes it fall?\n\n[![one of a](results/a/one.svg)](results/a/README.md)" in page
    assert "two.svg" not in page
    assert "## b" not in page
