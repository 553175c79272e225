"""Every path and dotted name of the project that a page, docstring or comment gives is there."""

import ast
import io
import re
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import pytest

from tests.structure import PACKAGE, ROOT, STAGES, file_of

PYTHON = ("src", "stages", "tests", "benchmarks", "examples", "docs", "requirements")
ENDS = (".md", ".ipynb", ".yaml", ".yml", ".toml", ".cff", ".txt", ".json", "Makefile", ".ci/run")
MADE = (
    "studies/results/",
    "dvc.lock",
    "metrics/",
    "plots/",
    "tests/fixtures/",
    "docs/sentences/",  # read on the pages that are made of them
)  # not written by hand
MADE_BY_COMMANDS = ("plots/png/", "plots/projections/")
FILE = re.compile(
    r"(?<![\w/~.{$*-])(?:[\w.-]+/)*[\w-]+\.(?:py|pyi|md|ipynb|sh|toml|yaml|txt)\b(?![\w/*{…-])"
)
OUT = re.compile(r"(?<![\w/~.{$*>-])(?:data|metrics)/[a-z][\w./-]*\w(?![\w{*…<-])")
FOLDER = re.compile(r"`((?:[\w.-]+/)+)`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
DOTTED = re.compile(r"(?<![\w./-])lm_geometry(?:\.[A-Za-z_]\w*)+")
# Sections of params.yaml are called like the rooms of stages, and not meant here.
ROOMS = {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()} - set(STAGES)
IN_A_ROOM = re.compile(rf"`((?:{'|'.join(sorted(ROOMS))})\.[a-z_]\w*(?:\.\w+)*)(?<!yaml)(?<!\.py)`")

# Files of other projects, of the reader, or that a command makes.
NOT_OURS = re.compile(
    r"(^|/)(NAME|STAGE)(/|\.)|^library/|^studies/gallery\.md$|-N\.|(^|/)(slurm|machine|x|run_all|ruamel|setup|texts?|notes|meta|log)\.\w+$|^/|my-"
)


def in_git() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


IN_GIT = in_git()
FILES = [file for file in IN_GIT if not str(file.relative_to(ROOT)).startswith(MADE)]
NAMES = {file.name for file in IN_GIT}
OUTS = re.findall(
    r"(?:data|metrics|plots)/[\w./-]+\w", (ROOT / "dvc.yaml").read_text(encoding="utf-8")
)


def pages() -> list[Path]:
    changes = ROOT / "CHANGELOG.md"  # tells of paths that were
    return [file for file in FILES if str(file).endswith(ENDS) and file != changes]


def modules_of(folder: str) -> list[Path]:
    return [file for file in FILES if file.is_relative_to(ROOT / folder) and file.suffix == ".py"]


def missing_in(file: Path, text: str) -> set[str]:
    """Paths and dotted names of a text that lead nowhere."""
    links = LINK.findall(text) if file.suffix == ".md" else []
    paths = {*links, *FOLDER.findall(text), *FILE.findall(text), *OUT.findall(text)}
    missing = {path for path in paths if not NOT_OURS.search(path) and not is_there(path, file)}
    dotted = {*DOTTED.findall(text), *(f"lm_geometry.{name}" for name in IN_A_ROOM.findall(text))}
    return missing | {name for name in dotted if not is_defined(name)}


def test_what_pages_name_is_there() -> None:
    found = {str(page.relative_to(ROOT)): missing_in(page, page.read_text()) for page in pages()}
    assert len(found) > 30
    assert {page: missing for page, missing in found.items() if missing} == {}


@pytest.mark.parametrize("folder", PYTHON)
def test_what_docstrings_and_comments_name_is_there(folder: str) -> None:
    found = {
        str(file.relative_to(ROOT)): missing_in(file, prose_of(file)) for file in modules_of(folder)
    }
    assert found
    assert {file: missing for file, missing in found.items() if missing} == {}


def prose_of(file: Path) -> str:
    """The docstrings and comments of a module."""
    text = file.read_text(encoding="utf-8")
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    return "\n".join([*(ast.get_docstring(node) or "" for node in nodes), *comments])


def is_there(path: str, page: Path) -> bool:
    """Whether a path leads somewhere from the root, the package, or the page's folder.

    Outs of the pipeline are not there before it ran: dvc.yaml must name them.
    """
    if path.startswith(("data/", "metrics/", "plots/")) and not (ROOT / path).exists():
        in_outs = any(f"{path.rstrip('/')}/".startswith(f"{out}/") for out in OUTS)
        return in_outs or path in MADE_BY_COMMANDS
    places = [ROOT, PACKAGE, ROOT / "src", ROOT / "tests", page.parent, ROOT / "requirements"]
    return path in NAMES or any((place / path).exists() for place in places)


@cache
def is_defined(dotted: str) -> bool:
    """Whether a dotted name is a module of the package, or stands in one at its top."""
    if file_of(dotted):
        return True
    module, _, name = dotted.rpartition(".")
    file = file_of(module)
    if file is None:
        return bool(module) and is_defined(module)  # of a class: its method, as far as is looked
    texts = [file, file.with_suffix(".pyi")]
    return any(name in defined(text) for text in texts if text.exists())


def defined(file: Path) -> set[str]:
    """Names that a module defines or imports at its top."""
    names: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def test_a_name_that_has_moved_is_found() -> None:
    assert is_defined("lm_geometry.dimension.twonn")
    assert is_defined("lm_geometry.dimension.estimate.local_dimension")
    assert is_defined("lm_geometry.results")
    assert not is_defined("lm_geometry.prompt_records")
    assert not is_defined("lm_geometry.dimension.estimate.no_such_name")
    assert not is_there("src/lm_geometry/sampling.py", ROOT / "README.md")
