"""The house in numbers: modules import only from layers above, and stay short."""

import ast
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure import PACKAGE, ROOT, imports_of

LAYERS = [
    "workspace point_cloud remotes",
    "neighbours dimension observables statistics",
    "models outs data_prep finetune embed token_sample estimate aggregate token_geometry figures",
    "params plot_pages projections revisions experiments studies commands",
]
LAYER = {name: layer for layer, names in enumerate(LAYERS) for name in names.split()}
MODULES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = {"numpy", "scipy", "numba", "torch", "faiss", "skdim", "dadapy", "threadpoolctl"}
LIBRARY |= {"lazy_loader", "tqdm"}


def part_of(file: Path) -> str:
    """The part of the package that a file belongs to: a module or a folder of modules."""
    first = file.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def name_of(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def test_every_part_has_its_layer() -> None:
    parts = {part_of(file) for file in MODULES} - {"__init__"}
    assert parts - set(LAYER) == set(), "give new modules a layer in this test"


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_imports_follow_the_table(file: Path) -> None:
    if file == PACKAGE / "__init__.py":
        return
    own = LAYER[part_of(file)]
    wrong = []
    for imported in imports_of(file):
        part = part_of(imported)
        if part != "__init__" and LAYER[part] > own:
            wrong.append(f"{name_of(file)} (layer {own}) imports {name_of(imported)}")
    assert wrong == []


@pytest.mark.parametrize("part", LAYERS[1].split())
def test_the_estimators_need_few_libraries(part: str) -> None:
    place = PACKAGE / part
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    found = {name for file in files for name in outside_imports(file)}
    assert found <= LIBRARY


def outside_imports(file: Path) -> set[str]:
    """Packages that a file imports, besides the project's and Python's own."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"lm_geometry"}


@pytest.mark.parametrize("file", MODULES, ids=name_of)
def test_modules_are_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 250


def functions() -> dict[str, int]:
    """Lines of every function of the package, its signature and docstring included."""
    found = {}
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                key = f"{name_of(file)}:{node.lineno} {node.name}"
                found[key] = node.end_lineno - node.lineno + 1
    return found


def test_functions_are_short() -> None:
    lines = functions()
    assert {name: count for name, count in lines.items() if count > 60} == {}
    assert statistics.median(lines.values()) <= 12
    modules = [len(file.read_text().splitlines()) for file in MODULES]
    assert statistics.median(modules) <= 120


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import lm_geometry", ["torch", "numpy", "pandas", "transformers", "faiss", "skdim"]),
        (
            "from lm_geometry.params.check import check; check()",
            ["torch", "numpy", "pandas", "transformers", "datasets"],
        ),
        (
            "import lm_geometry.workspace.paths, lm_geometry.workspace.machine",
            ["torch", "numpy", "transformers"],
        ),
        ("import lm_geometry.statistics", ["torch", "pandas", "transformers"]),
    ],
)
def test_imports_cost_no_more_than_they_must(statement: str, unwanted: list[str]) -> None:
    script = f"{statement}\nimport sys\nprint(sorted(set(sys.modules) & set({unwanted})))"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"


def test_public_names_are_there_and_come_when_they_are_used() -> None:
    script = (
        "import sys, lm_geometry\n"
        "assert 'lm_geometry.dimension' not in sys.modules\n"
        "names = dir(lm_geometry)\n"
        "missing = [name for name in lm_geometry.__all__ if getattr(lm_geometry, name) is None]\n"
        "assert not missing and set(lm_geometry.__all__) <= set(names)\n"
        "print(lm_geometry.local_dimension.__name__, len(lm_geometry.__all__))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    listed = sum(len(node.names) for node in stub.body if isinstance(node, ast.ImportFrom))
    assert done.stdout.split() == ["local_dimension", str(listed)]
