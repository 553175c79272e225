"""The README's lines, typed in a clean clone in the order of the page, each result looked at.

`make first-day`: half an hour on two cores, and a network for what `make` installs. Committed in
that clone are parameters of a smaller study (smaller.yaml). The reader's own model and texts are
made here; gpt2, which only a hub has, is typed as minilm. What was typed, how long it took and what
was printed last stands in the file that LM_GEOMETRY_TRANSCRIPT names.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from dvc.utils.hydra import apply_overrides

from lm_geometry.workspace.section import read_yaml
from tests.command_line import typed_in
from tests.conftest import TinyModel
from tests.first_day.shell import Answer, Shell
from tests.structure import ROOT

pytestmark = pytest.mark.first_day
Check = Callable[[Answer, Path], None]
SILENCE = 12.0  # seconds of a run: ten, and what a busy machine takes to print a line
OF_THIS_PROCESS = ("LM_GEOMETRY", "DVC", "PYTHON", "VIRTUAL_ENV", "PYTEST", "COV_")


def lines_of(page: str) -> list[str]:
    """The lines of the page's blocks of shell commands, continued ones whole, comments left out."""
    lines = re.sub(r"\s+#\s.*", "", typed_in(ROOT / page)).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s{2,}", " ", line).strip() for line in lines if line.strip()]


def ended_well(answer: Answer, clone: Path) -> None:
    """Nothing is asked of it but that it succeeds."""


def in_a_headline(answer: Answer, clone: Path) -> None:
    """A run ends in its result: the headline with its interval, tables, figures, the next line."""
    found = re.search(r"−?\d+\.\d+ \[−?\d+\.\d+, −?\d+\.\d+\]", answer.printed)
    assert found or "without an interval" in answer.printed, answer.printed[-2000:]
    tail = answer.printed[-6000:]
    assert "lm-geometry table" in tail or "dvc plots" in tail
    assert "dvc push" not in tail


def as_committed(answer: Answer, clone: Path) -> None:
    """The headline of a run in a copy; the workspace's parameters are the commit's still."""
    in_a_headline(answer, clone)
    assert git(clone, "status", "--short", "params.yaml") == ""


def trained(answer: Answer, clone: Path) -> None:
    """`dvc repro` of all stages, never silent: the model was trained, and results are there."""
    in_a_headline(answer, clone)
    assert answer.silence <= SILENCE
    curves = json.loads((clone / "plots" / "training.json").read_text())
    assert max(row["step"] for row in curves) == 80
    assert (clone / "metrics" / "summary.json").exists()


def by_layer(answer: Answer, clone: Path) -> None:
    """All 31 layers of SmolLM2, or of another model those it has, with a page where asked."""
    rows = re.findall(r"^ +(\d+) +(?:document|none) ", answer.printed, flags=re.MULTILINE)
    assert len({*rows}) == (31 if "smollm2" in answer.line else 3)
    if "--page" in answer.line:
        assert "<html" in (clone / answer.line.split("--page")[1].split()[0]).read_text()[:500]


def queued(answer: Answer, clone: Path) -> None:
    """Six experiments, each of which succeeds once the queue is through."""
    begun = time.monotonic()
    while time.monotonic() - begun < 3600:
        status = _dvc(clone, "queue", "status")
        if not re.search(r"Queued|Running", status.split("Worker")[0]):
            break
        time.sleep(5)
    assert len(re.findall("Success", status)) == 6, status
    assert "Failed" not in status


def listed(answer: Answer, clone: Path) -> None:
    """Those that were named, and the six of the queue, each with what differs."""
    for name in ("wide", "step-20", "step-80", "mine", "news"):
        assert re.search(rf"^{name}\b", answer.printed, flags=re.MULTILINE), answer.printed
    assert len(re.findall(r"finetune\.seed", answer.printed)) >= 4


def side_by_side(answer: Answer, clone: Path) -> None:
    """Both revisions are in the page and in the numbers."""
    page = re.search(r"(\S+index\.html)", answer.printed)
    assert page
    place = Path(page[1].removeprefix("file://"))
    text = (place if place.is_absolute() else clone / place).read_text()
    assert "step-20" in text
    assert "step-80" in text


def of_layer_30(answer: Answer, clone: Path) -> None:
    """Rows of layer 30 alone, by checkpoint, no line above 100 characters."""
    lines = answer.printed.strip().splitlines()
    assert max(map(len, lines)) <= 100
    header = next(place for place, line in enumerate(lines) if line.split()[0] == "level")
    assert "layer 30" in " ".join(lines[:header])
    place = lines[header].split().index("checkpoint")
    rows = [line.split() for line in lines[header + 1 :] if line.startswith(("token", "cloud"))]
    steps = [int(row[place]) for row in rows]
    assert steps == sorted(steps)
    assert {*steps} == {20, 80}


def to_the_remote_and_back(answer: Answer, clone: Path) -> None:
    """The arrays are in the folder beside the clone, and nothing is left to do."""
    assert any((clone.parent / "lm-geometry-remote").rglob("*.dir"))
    assert "up to date" in answer.printed


# Each line of the README begins like one of these, the longest counts; None is not typed.
CHECKS: dict[str, Check | None] = {
    "make quick": as_committed,
    "make repro": trained,
    "make test": None,  # which would type these lines again
    ".venv/bin/lm-geometry measure": by_layer,
    ". .venv/bin/activate": ended_well,
    "lm-geometry measure": by_layer,
    "lm-geometry run": as_committed,
    "dvc exp run --queue": queued,
    "lm-geometry experiments": listed,
    "dvc plots diff": side_by_side,
    "lm-geometry table differences": of_layer_30,
    "lm-geometry push": to_the_remote_and_back,
}


def check_of(line: str) -> Check | None:
    """The check that belongs to a line; fails where there is none."""
    fitting = [start for start in CHECKS if line.startswith(start)]
    assert fitting, f"no check of what this line does: {line}"
    return CHECKS[max(fitting, key=len)]


def git(clone: Path, *words: str) -> str:
    """What git prints in the clone."""
    own = ["-c", "user.name=Reader", "-c", "user.email=reader@example.org"]
    done = subprocess.run(
        ["git", *own, *words], cwd=clone, check=True, capture_output=True, text=True
    )
    return done.stdout


def _dvc(clone: Path, *words: str) -> str:
    done = subprocess.run(
        [clone / ".venv" / "bin" / "dvc", *words], cwd=clone, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of what is committed here, with a commit of smaller parameters."""
    folder = tmp_path / "lm-geometry"
    git(tmp_path, "clone", "--quiet", str(ROOT), str(folder))
    smaller = read_yaml(Path(__file__).with_name("smaller.yaml"))
    apply_overrides(
        folder / "params.yaml", [f"{key}={json.dumps(value)}" for key, value in smaller.items()]
    )
    git(folder, "commit", "--quiet", "--all", "--message", "a smaller study")
    return folder


def _own(line: str, model: Path, texts: Path) -> str:
    """The line with the reader's own model and texts, which the page makes up."""
    line = line.replace("/models/my-llama", str(model)).replace("/texts/news.jsonl", str(texts))
    return re.sub(r"model\.name=gpt2\b", "model.name=minilm", line)


def test_the_lines_in_their_order_do_what_the_page_says(
    clone: Path, tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    texts = tmp_path / "news.jsonl"
    pages = sorted((ROOT / "docs").glob("*.md"))
    rows = [
        {"text": text, "document": page.name}
        for page in pages
        for text in page.read_text().split("\n\n")
        if len(text) > 400
    ]
    pd.DataFrame(rows).to_json(texts, orient="records", lines=True)
    model = tmp_path / "my-llama"
    shutil.copytree(tiny_models["llama"].folder, model)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_PROCESS)
    }
    kept = Path.home() / ".cache"  # of installers: the rest of a home is new
    known = "[user]\nname = Reader\nemail = reader@example.org\n"  # as the README asks
    (tmp_path / ".gitconfig").write_text(known)
    environment |= {"UV_CACHE_DIR": str(kept / "uv"), "PIP_CACHE_DIR": str(kept / "pip")}
    environment |= {"PATH": _without_environments(os.environ["PATH"]), "HOME": str(tmp_path)}
    transcript, failed = [], []
    with Shell(clone, environment) as shell:
        for written in lines_of("README.md"):
            check = check_of(written)
            if check is None:
                continue
            answer = shell.typed(_own(written, model, texts))
            transcript.append(answer.told())
            _write(transcript)
            try:
                assert answer.status == 0, answer.printed[-3000:]
                check(answer, clone)
            except AssertionError as error:  # the lines after it are typed, too
                failed.append(f"{written}\n{error}")
    assert not failed, "\n\n".join(failed)


def _write(transcript: list[str]) -> None:
    if name := os.environ.get("LM_GEOMETRY_TRANSCRIPT"):
        Path(name).write_text("\n\n".join(transcript) + "\n")


def _without_environments(path: str) -> str:
    """The folders of programs that are no virtual environment's: what a reader starts with."""
    folders = [Path(folder) for folder in path.split(os.pathsep)]
    kept = [folder for folder in folders if not (folder.parent / "pyvenv.cfg").exists()]
    return os.pathsep.join(map(str, kept))


def test_every_line_has_a_check() -> None:
    assert [shlex.split(line) for line in lines_of("README.md")]
    for line in lines_of("README.md"):
        check_of(line)
