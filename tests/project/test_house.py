"""The house in numbers: short modules and functions, few libraries, imports that cost little.

Who may import whom is a matter of the contracts in pyproject.toml (`lint-imports`).
"""

import ast
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure import PACKAGE, ROOT

MODULES = sorted(PACKAGE.rglob("*.py"))
LIBRARY = {"numpy", "scipy", "numba", "torch", "faiss", "skdim", "dadapy", "threadpoolctl"}
LIBRARY |= {"lazy_loader", "tqdm"}


def name_of(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def test_modules_chosen_by_name_are_of_the_own_room() -> None:
    """Contracts see import statements alone."""
    for file in MODULES:
        chosen = re.findall(r"""import_module\(\s*f?["']lm_geometry\.(\w+)""", file.read_text())
        assert set(chosen) <= {file.relative_to(PACKAGE).parts[0]}, name_of(file)


@pytest.mark.parametrize(
    "room", ["neighbours", "dimension", "observables", "surrogates", "statistics"]
)
def test_the_estimators_need_few_libraries(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files
    assert {name for file in files for name in outside_imports(file)} <= LIBRARY


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


def test_arrays_of_public_functions_have_shapes() -> None:
    """Callables apart, and the batches that transformers makes: a dictionary of tensors by name.

    workspace stands beside the room of shapes, and its files hold arrays of any.
    """
    bare = re.compile(r"\b(ndarray|NDArray|Tensor)\b")
    shaped = re.compile(r"\w+\[[\w.]+, '[^']*'\]|Callable\[.*\]|dict\[str, (torch\.)?Tensor\]")
    found = {
        f"{name_of(file)}:{function.lineno} {function.name}: {text}"
        for file in MODULES
        if file.parent.name != "workspace"
        for function in public_functions(ast.parse(file.read_text()))
        for text in annotations(function)
        if bare.search(shaped.sub("", text))
    }
    assert found == set()


def public_functions(part: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef]:
    """Those of a module and of its classes, not those within functions."""
    for node in part.body:
        if isinstance(node, ast.ClassDef):
            yield from public_functions(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def annotations(function: ast.FunctionDef) -> list[str]:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    hints = [argument.annotation for argument in arguments if argument] + [function.returns]
    return [ast.unparse(hint) for hint in hints if hint]


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
            "from lm_geometry.params.check import check_project; check_project()",
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
