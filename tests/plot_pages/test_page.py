"""The page for `dvc plots`: complete without a network, and DVC can fill it."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.figures.export import vega_lite_version
from lm_geometry.figures.records import figure_records
from lm_geometry.plot_pages.page import _LEFT_OUT, _WIDE, page, write_page
from lm_geometry.plot_pages.templates import TEMPLATES
from lm_geometry.workspace.inside_scripts import inside_script
from tests.hostile_labels import LABELS, Page, specification

NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def text() -> str:
    return page()


class _Addresses(HTMLParser):
    """Addresses that a page loads by itself; what its scripts hold as text does not count."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str | None] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [value for name, value in attrs if name in ("src", "href")]


def test_nothing_comes_from_elsewhere(text: str) -> None:
    page = _Addresses(text)
    assert page.scripts == 2  # Vega's, and the list of contents
    assert page.found == []
    assert "@import" not in text.split("<script>")[0]


def test_what_takes_room_in_the_page_has_a_use(text: str) -> None:
    style = text.split("<style>")[1].split("</style>")[0]
    assert "#left-out:empty { display: none; }" in style  # else a gap where all is shown
    assert "main > .wide { grid-column: 1 / -1; }" in style
    assert '<p id="left-out"></p>' in text


def test_it_offers_what_dvc_asks_for(text: str) -> None:
    for anchor in ("{plot_divs}", "{refresh_tag}"):
        assert text.count(anchor) == 1
    assert "{scripts}" not in text
    assert re.search(r"window\.vegaEmbed\s*=", text)


def test_its_vega_lite_is_the_one_that_the_templates_are_written_for() -> None:
    for path in TEMPLATES.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))["$schema"]
        assert f"/v{vega_lite_version()}." in schema


def test_it_is_written_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(text.replace("vega", "older", 1), encoding="utf-8")
    assert write_page(path)
    assert path.read_text(encoding="utf-8") == text
    before = path.stat().st_mtime_ns
    assert not write_page(path)
    assert path.stat().st_mtime_ns == before


def _filled(folder: Path, text: str, corpus: str = "speeches", settings: str = "N = 3,000") -> Path:
    from dvc_render import VegaRenderer
    from dvc_render.html import render_html

    folder.mkdir(exist_ok=True)
    row = {"curve": "validation", "corpus": corpus, "role": "fine-tuned", "split": "test"}
    rows = [row | {"step": step, "loss": 3.5 - step / 100} for step in (0, 10, 20)]
    records = [r | {"rev": "workspace"} for r in figure_records("loss", rows, settings)]
    template = folder / "page.html"
    template.write_text(text, encoding="utf-8")
    renderer = VegaRenderer(records, "loss", template="loss", template_dir=str(TEMPLATES))
    return Path(render_html([renderer], folder / "out" / "index.html", template))


def test_dvc_fills_it_without_naming_another_host(tmp_path: Path, text: str) -> None:
    filled = _filled(tmp_path, text).read_text(encoding="utf-8")
    assert "{plot_divs}" not in filled
    assert "vegaEmbed('#loss', spec)" in filled
    assert _Addresses(filled).found == []


def test_no_label_ends_a_script_of_the_page(tmp_path: Path, text: str) -> None:
    before, hostile = _Addresses(_filled(tmp_path / "plain", text).read_text()), "<!--<script>"
    label = f"</SCRIPT><script>alert(1)</script>{hostile}<img src=x onerror=alert(1)>"
    filled = _filled(tmp_path / "hostile", text, label, f"of {label}").read_text(encoding="utf-8")
    after = _Addresses(filled)
    assert (after.scripts, after.found) == (before.scripts, before.found)
    assert "<!--" not in filled.split("<body>")[1]
    assert "\u2039/SCRIPT>" in filled.encode().decode("unicode_escape", errors="ignore")


def drawn_specification(page: Page) -> Any:
    """What the page gives vega-embed, as JSON."""
    return specification(page.scripts[1], "var spec =")


@pytest.mark.parametrize("what", LABELS)
def test_a_label_is_text_of_a_record_and_nothing_of_the_page(
    tmp_path: Path, text: str, what: str
) -> None:
    plain = Page(_filled(tmp_path / "plain", text).read_text(encoding="utf-8"))
    file = _filled(tmp_path / "hostile", text, LABELS[what], f"of {LABELS[what]}")
    hostile = Page(file.read_text(encoding="utf-8"))
    assert hostile.tags == plain.tags
    assert hostile.runs == []
    records = drawn_specification(hostile)["data"]["values"]
    assert {record["corpus"] for record in records} == {inside_script(LABELS[what])}
    assert drawn_specification(hostile).keys() == drawn_specification(plain).keys()


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("what", LABELS)
def test_a_script_of_the_page_reads_a_label_as_data(tmp_path: Path, text: str, what: str) -> None:
    assert NODE is not None
    file = _filled(tmp_path, text, LABELS[what], f"of {LABELS[what]}")
    script = Page(file.read_text(encoding="utf-8")).scripts[1]
    stand_in = """
    let told = [], alert = () => told.push("it was run");
    const vegaEmbed = (place, spec) => told.push(place, spec.data.values.map(row => row.corpus));
    """
    after = "console.log(JSON.stringify([told, Object.keys(Object.prototype), ({}).corpus]))"
    run = [NODE, "-e", f"{stand_in}{script};{after}"]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == [["#loss", [inside_script(LABELS[what])] * 3], [], None]


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("what", LABELS)
def test_a_browser_makes_no_element_of_a_label(tmp_path: Path, text: str, what: str) -> None:
    plain, hostile = _opened(tmp_path, text), _opened(tmp_path, text, LABELS[what])
    assert Page(hostile).tags == Page(plain).tags
    assert inside_script(LABELS[what]) in Page(hostile).text


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_without_network_draws_the_figure(tmp_path: Path, text: str) -> None:
    drawn = _opened(tmp_path, text)
    figure = drawn.split('id="loss"')[1]
    assert figure.count('aria-roledescription="point"') == 3
    assert "Held-out loss of every corpus" in figure


def _opened(tmp_path: Path, text: str, corpus: str = "speeches") -> str:
    """The page as a browser without a network has it once its scripts were run."""
    assert CHROMIUM is not None
    switches = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    switches += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    switches += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path / 'profile'}"]
    return subprocess.run(
        [
            CHROMIUM,
            *switches,
            "--virtual-time-budget=8000",
            "--dump-dom",
            "--",
            _filled(tmp_path, text, corpus).absolute().as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout


# A page of three figures, as far as a script sees it.
_PAGE = """
const said = {textContent: ""}, places = new Set(["#a", "#b", "#c"]), window = {}, wide = [];
const document = {
  getElementById: () => said,
  querySelector: place => ({
    remove: () => places.delete(place),
    querySelector: () => ({viewBox: {baseVal: {width: WIDTH}}}),
    parentElement: {clientWidth: 1800},
    classList: {add: name => wide.push(place + " " + name)},
  }),
};
window.vegaEmbed = place => place + " drawn";
SCRIPTS
const none = (name, why) => ({title: {text: [name, "more"]}, data: {values: [{message: why}]}});
const results = [
  window.vegaEmbed("#a", none("Groups", "no group has a name")),
  window.vegaEmbed("#b", {data: {values: [{message: "no"}, {step: 1, message: null}]}}),
  window.vegaEmbed("#c", none("Loss", "nothing was trained")),
];
results[1].then(
  drawn => console.log(JSON.stringify([drawn, [...places], said.textContent, wide]))
);
"""


def _run(width: int) -> tuple[str, list[str], str, list[str]]:
    """The page in which the one figure that is drawn is so many pixels wide."""
    assert NODE is not None
    script = _PAGE.replace("SCRIPTS", _WIDE + _LEFT_OUT).replace("WIDTH", str(width))
    run = [NODE, "-e", script]
    return json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_a_figure_that_two_columns_would_make_too_small_has_both() -> None:
    assert _run(1300)[3] == ["#b wide"]
    assert _run(1000)[3] == []  # 900 of 1,000 pixels are left


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_figures_with_nothing_to_show_are_no_entries_and_are_named_once() -> None:
    drawn, left, said, _ = _run(600)
    assert drawn == "#b drawn"  # one of its two revisions has records
    assert left == ["#b"]
    told = "Groups (no group has a name); Loss (nothing was trained)."
    assert said == f"Nothing to show, and left out: {told}"
