"""The page of a study: everything in it, nothing from elsewhere."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lm_geometry.commands.cli import main
from lm_geometry.experiments.outcomes import Outcome, State, hardware
from lm_geometry.studies.definition import DRAWN, FOLDER, Study, read_study
from lm_geometry.studies.report import page
from lm_geometry.studies.report import write as report
from lm_geometry.studies.report.page import web_page, write_web_page
from tests.study_runs import CHANGES, run_of

NAME = "sensitivity_seeds"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg"><text>a & b</text></svg>'
README = f"""# {NAME}

How much of it is <chance>?

The study itself is [studies/{NAME}.yaml](../../{NAME}.yaml).

## Change over layers

![Change over layers](change_by_layer.svg)

| layer | mean |
|---|---|
| 20 | -0.76 |

All numbers: [change_by_layer.csv](change_by_layer.csv).

## Experiments

| experiment | commit |
|---|---|
| one | 0123456789 |

All of them also have:

- `finetune.steps=80`

## Provenance
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with the results of one study, as `write_report` leaves them."""
    place = tmp_path / NAME
    place.mkdir()
    (place / "README.md").write_text(README)
    (place / "change_by_layer.svg").write_text(PICTURE)
    (place / "change_by_layer.csv").write_text("layer,corpus,mean\n20,a<b,-0.76\n22,NA,-1.51\n")
    return tmp_path


@pytest.fixture
def study() -> Study:
    return read_study(NAME)


class _Page(HTMLParser):
    """What a page refers to, and the names to which it can refer."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "link", "iframe")
        if "src" in found:
            self.sources.append(found["src"])
        if "href" in found:
            self.links.add(found["href"].removeprefix("#"))
        if "id" in found:
            self.names.add(found["id"])


def test_everything_is_inside(results: Path, study: Study) -> None:
    page = _Page(web_page(NAME, study, results / NAME))
    (source,) = page.sources
    data = re.fullmatch(r"data:image/svg\+xml;base64,(.+)", source)
    assert data is not None
    assert base64.b64decode(data.group(1)).decode() == PICTURE
    assert page.links == page.names == {"definition", "change_by_layer.csv"}


def test_the_page_tells_the_settings_and_all_numbers(results: Path, study: Study) -> None:
    text = web_page(NAME, study, results / NAME)
    for key, value in study.fixed.items():
        assert f"<code>{key}</code>" in text, value
    assert "<code>finetune.seed</code>: <code>0</code>, <code>1</code>" in text
    assert "Repeats of one thing: <code>finetune.seed</code>" in text
    assert "<td>a&lt;b</td>" in text  # of the whole table, and NA stays what it is
    assert "<td>NA</td>" in text
    assert "2 rows" in text
    assert "Published (appendix): training seeds" in text  # the study's own file
    assert "All of them also have" not in text  # the settings are told once
    order = [
        "How much of it",
        "Settings</h2>",
        "Change over layers</h2>",
        "Experiments</h2>",
        "Provenance",
    ]
    assert [text.index(words) for words in order] == sorted(text.index(w) for w in order)


def test_the_definition_is_that_of_the_figures(results: Path, study: Study) -> None:
    now = (FOLDER / f"{NAME}.yaml").read_text()
    (results / NAME / DRAWN).write_text(now)
    assert "was edited since" not in web_page(NAME, study, results / NAME)
    before = now.replace("finetune.seed: [0", "finetune.seed: [41, 0")
    assert before != now
    (results / NAME / DRAWN).write_text(before)
    text = web_page(NAME, study, results / NAME)
    assert f"<code>studies/{NAME}.yaml</code> was edited since these figures were drawn" in text
    assert "<code>finetune.seed</code>: <code>41</code>, <code>0</code>" in text
    assert "finetune.seed: [41, 0" in text  # in the file, at the end
    (results / NAME / DRAWN).write_text("question: no more\n")
    with pytest.raises(ValueError, match=rf"studies/results/{NAME}/{DRAWN}: minutes: is missing"):
        web_page(NAME, study, results / NAME)


def test_the_definition_is_kept_when_figures_are_drawn(tmp_path: Path) -> None:
    text = (
        "# Expect little.\nquestion: Q?\nminutes: 1\ngrid: {finetune.seed: [0, 1]}\n"
        "repeats: [finetune.seed]\nfigures: [{kind: lines, title: T, value: change}]\n"
    )
    (tmp_path / "s.yaml").write_text(text)
    asked = read_study("s", tmp_path)
    (tmp_path / "s.yaml").write_text("question: edited while experiments ran\n")
    runs = [run_of(number, CHANGES) for number in (0, 1)]
    written = report.write_report("s", asked, runs, tmp_path / "results")
    assert tmp_path / "results" / "s" / DRAWN in written
    assert (tmp_path / "results" / "s" / DRAWN).read_text() == text


def test_durations_are_recorded_beside_hardware_and_versions(results: Path, study: Study) -> None:
    log = results / "log"
    # Such as of experiments that were run before durations were kept, by a study or by hand.
    assert "hardware were not recorded.</p>" in web_page(NAME, study, results / NAME)
    first = [Outcome("one", State.DONE, log, 61.26), Outcome("two", State.FAILED, log, 5.0)]
    page.record(NAME, first, results)
    page.record(NAME, [Outcome("three", State.DONE, log, 1.0)], results)
    found = page.recorded(NAME, results)
    assert {name: run["seconds"] for name, run in found.items()} == {"one": 61.3, "three": 1.0}
    text = web_page(NAME, study, results / NAME)
    assert f"run on {hardware()}" in text
    page.keep_only(NAME, ["one"], results)  # the other is of parameters of before
    assert page.recorded(NAME, results) == {"one": found["one"]}
    assert f"torch {found['one']['versions']['torch']}" in text
    assert re.search(r"<td>one</td>\s*<td>61</td>", text)


def test_what_was_not_run_has_no_page(
    results: Path, study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match=r"`lm-geometry study grokking` makes them"):
        write_web_page("grokking", study, results / "page.html", results)
    with pytest.raises(SystemExit, match="commit 'groking'; did you mean 'grokking"):
        main(["report", "groking"])
