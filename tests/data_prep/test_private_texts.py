"""Text that may not be passed on: nothing that `dvc push` or git takes away holds a word of it."""

import io
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from tests.conftest import TinyModel
from tests.pipeline.test_pipeline import ENVIRONMENT, Project, clone

pytestmark = pytest.mark.pipeline

# Words that no tokenizer, label or code has.
SECRET = ["quorvexil", "thrimbodan", "zelphagor", "wunkelmoth", "drixovane", "yagglebuth"]
OPEN = ["florvendish", "mopradazzle", "kintergrubb", "skellywump", "banderoque", "juxtapoon"]
STEPS = 16  # token ids in a row that would be a leak


def write_texts(file: Path, words: list[str], length: int = 24) -> None:
    """Twelve documents of four sequences of these words, which name each document as well."""
    draw = random.Random(file.name)
    title = " ".join(words * 2)  # longer than names are
    lines = [
        {"text": " ".join(draw.choices(words, k=length)), "document": f"{document} {title}"}
        for document, _ in itertools.product(range(12), range(4))
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n")


def pushed_files(project: Project) -> dict[str, bytes]:
    """Every object of the remote by the path of its file or listing."""
    from dvc.repo import Repo

    from lm_geometry.remotes.audit import audit

    with Repo(str(project.folder)) as repo:
        found = audit(repo)
        assert found.faults == []
        assert found.remote is not None
        remote = Path(found.remote.odb.path)
        files = {str(item): found.remote.read(item.oid) for item in found.items}
        named = {item.oid for item in found.items}
    everything = {"".join(file.parts[-2:]) for file in remote.rglob("*") if file.is_file()}
    assert everything == named, "the remote has objects that no out names"
    return files


def text_and_integers(path: str, content: bytes) -> tuple[str, list[np.ndarray]]:
    """All that a file spells, whatever its format, and every series of whole numbers in it."""
    arrays: list[np.ndarray] = []
    text = content.decode("latin-1")
    if path.endswith(".parquet"):
        table: Any = pd.read_parquet(io.BytesIO(content))
        text = " ".join(table.columns) + str(table.to_json(orient="records"))
        arrays = [table[name].to_numpy() for name in table]
    elif path.endswith(".arrow"):
        text = str(pa.ipc.open_stream(content).read_all().to_pylist())
    elif path.endswith((".npy", ".npz")):
        loaded: Any = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = [loaded] if path.endswith(".npy") else [loaded[name] for name in loaded]
        text = " ".join(str(array.tolist()) for array in arrays if array.dtype.kind == "U")
    return text, [array.ravel() for array in arrays if array.dtype.kind in "iu"]


def ids_of(file: Path, tiny: TinyModel) -> set[tuple[int, ...]]:
    """The first token ids of every sequence of a corpus."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny.folder)
    texts = [json.loads(line)["text"] for line in file.read_text().splitlines()]
    return {tuple(tokenizer(text)["input_ids"][1 : STEPS + 1]) for text in texts}


def has_run(array: np.ndarray, runs: set[tuple[int, ...]]) -> bool:
    if len(array) < STEPS:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(array, STEPS)
    return not runs.isdisjoint(map(tuple, windows.tolist()))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of texts outside the project."""
    folder = tmp_path_factory.mktemp("texts")
    write_texts(folder / "secret.jsonl", SECRET)
    write_texts(folder / "open.jsonl", OPEN)
    write_texts(folder / "long.jsonl", SECRET, length=60)
    return folder


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, TinyModel], texts: Path
) -> Iterator[Project]:
    """A run that is trained on secret text, and compares it with open text; pushed."""
    made = clone(tmp_path_factory.mktemp("shared") / "project", tiny_models["llama"].folder)
    entry = {"source": f"file:{texts / 'open.jsonl'}", "reader": "table", "redistribute": True}
    with (made.folder / "catalogue" / "corpora.yaml").open("a") as file:
        YAML().dump({"open": entry}, file)
    secret = f"file:{texts / 'secret.jsonl'}"
    made.set_params(
        {
            "data_prep.train": secret,
            "data_prep.evaluate": f"[{secret},open]",
            "data_prep.prompts.corpus": f"file:{texts / 'long.jsonl'}",
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENVIRONMENT, "LM_GEOMETRY_DOWNLOADS", str(texts / "downloads"))
        made.dvc("repro")
        made.run("git", "add", "--all")
        made.run("git", "commit", "--quiet", "--message", "results")
        made.dvc("push")
        yield made


def test_nothing_that_is_pushed_holds_a_word_of_it(
    project: Project, texts: Path, tiny_models: dict[str, TinyModel]
) -> None:
    private = texts / "downloads" / "private"
    assert list(private.iterdir()), "the secret texts are not where they belong"
    secret_ids = ids_of(texts / "secret.jsonl", tiny_models["llama"])
    secret_ids |= ids_of(texts / "long.jsonl", tiny_models["llama"])
    open_ids = ids_of(texts / "open.jsonl", tiny_models["llama"])
    spelled, numbered = set(), set()
    for path, content in pushed_files(project).items():
        text, integers = text_and_integers(path, content)
        assert not [word for word in SECRET if word in text], path
        assert not any(has_run(array, secret_ids) for array in integers), path
        spelled |= {path} if any(word in text for word in OPEN) else set()
        numbered |= {path} if any(has_run(array, open_ids) for array in integers) else set()
    # Open text is found where it is: the test would see secret text there.
    assert {path.split("/")[1] for path in spelled} >= {"corpora"}
    assert "data/tokens/open-validation.parquet" in numbered


def test_its_tokens_are_shown_on_this_machine_and_nowhere_else(project: Project) -> None:
    drawn = project.folder / "plots" / "private" / "svg" / "groups.svg"
    shown = drawn.read_text()
    assert not [word for word in OPEN if word in shown]
    assert project.run("git", "check-ignore", "plots/private").strip() == "plots/private"
    assert not [path for path in pushed_files(project) if "private" in path]
    table = pd.read_parquet(project.folder / "data" / "tables" / "groups.parquet")
    assert set(table.loc[table["grouping"] == "token", "corpus"]) == {"open"}


def test_nothing_in_git_holds_a_word_of_it(project: Project) -> None:
    tracked = project.run("git", "ls-files", ":!tests").split()
    assert "plots/svg/dimension_by_layer.svg" in tracked
    for name in tracked:
        text = (project.folder / name).read_text(errors="replace")
        assert not [word for word in SECRET if word in text], name


@pytest.mark.slow
def test_a_clone_elsewhere_has_nothing_to_run_until_it_needs_the_text(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRONMENT, "LM_GEOMETRY_DOWNLOADS", str(tmp_path / "elsewhere"))
    project.run("git", "clone", "--quiet", ".", str(project.folder.parent / "elsewhere"))
    there = Project(project.folder.parent / "elsewhere")
    there.dvc("pull")
    assert there.ran(there.dvc("repro")) == []
    pulled = {k: v for k, v in project.bytes().items() if k.startswith(("data", "plots/svg"))}
    assert pulled.items() <= there.bytes().items()
    there.set_params({"embed.batch_tokens": "512"})
    said = there.dvc("repro", "embed", check=False)
    assert "may not be passed on and is not on this machine" in said


@pytest.mark.slow
def test_only_what_a_changed_stage_needs_is_pulled(project: Project) -> None:
    project.run("git", "clone", "--quiet", ".", str(project.folder.parent / "part"))
    part = Project(project.folder.parent / "part")
    part.set_params({"aggregate.confidence": "0.9"})
    assert part.ran(part.dvc("repro", "--pull", "--allow-missing")) == ["aggregate"]
    data = part.folder / "data"
    there = {path.name for path in data.iterdir()}
    assert {"estimates", "losses", "tables"} <= there
    assert not {"checkpoints", "clouds", "corpora", "prompts"} & there
    assert [path.name for path in (data / "hidden_states").rglob("*")] == ["index.json"]
