"""The import graph of the project's own code, read from its syntax."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "lm_geometry"
STAGES = ("data_prep", "finetune", "embed", "token_sample", "estimate", "aggregate")


def file_of(module: str) -> Path | None:
    """The file of a dotted module of the project, or None if it is none."""
    path = (ROOT / "src").joinpath(*module.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    return path / "__init__.py" if (path / "__init__.py").is_file() else None


@cache
def imports_of(file: Path) -> frozenset[Path]:
    """Files of the project that a file imports, anywhere in it, packages on the way included.

    Imports for annotations alone (`if TYPE_CHECKING:`) never run, and do not count.
    """
    tree = ast.parse(file.read_text())
    unrun = {id(n) for block in ast.walk(tree) if _typing_only(block) for n in ast.walk(block)}
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in unrun:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call):
            names |= _chosen_by_name(node)
    parts = [name.split(".") for name in names if name.split(".")[0] == "lm_geometry"]
    every = {".".join(part[:i]) for part in parts for i in range(1, len(part) + 1)}
    return frozenset(found for name in every if (found := file_of(name)) and found != file)


def closure_of(file: Path) -> set[Path]:
    """Every file of the project that importing `file` can run."""
    found: set[Path] = set()
    todo = [file]
    while todo:
        new = imports_of(todo.pop()) - found
        found |= new
        todo += new
    return found


def _chosen_by_name(call: ast.Call) -> set[str]:
    """Modules that `import_module(f"package.{name}")` can import: every one of the package."""
    first = call.args[0] if call.args else None
    if "import_module" not in ast.dump(call.func) or not isinstance(first, ast.JoinedStr):
        return set()
    package = ast.literal_eval(first.values[0]).rstrip(".")
    found = file_of(package)
    assert found is not None, package
    return {package, *(f"{package}.{file.stem}" for file in found.parent.glob("[a-z]*.py"))}


def _typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
