"""Where a result lies is said once: in workspace/paths.py, and by the readers in outs/."""

import ast
import re

from tests.structure import PACKAGE

ROOTS = ("data", "metrics", "plots")
PATH = re.compile(rf"({'|'.join(ROOTS)})/[\w{{}}./-]*")


def text_of(node: ast.AST) -> str:
    """A string as it is written, with `{}` for what an f-string fills in; else nothing."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def joins_root(node: ast.AST) -> bool:
    """Whether an expression is such as `ROOT / "data"`."""
    joined = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
    return joined and not isinstance(node.left, ast.BinOp) and text_of(node.right) in ROOTS


def named_in(source: str) -> list[str]:
    """The expressions of a module that name a place of results."""
    nodes = list(ast.walk(ast.parse(source)))
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    whole = [node for node in nodes if id(node) not in parts]
    return [ast.unparse(n) for n in whole if PATH.fullmatch(text_of(n)) or joins_root(n)]


def test_what_names_a_place_of_results_is_found() -> None:
    assert named_in('revision.read_json("data/scores.json")') == ["'data/scores.json'"]
    assert len(named_in('read(f"data/tables/{name}.parquet")')) == 1
    assert len(named_in('FOLDER = ROOT / "data"')) == 1
    assert named_in('raise ValueError(f"plots/{figure}.json: a list is needed")') == []
    assert named_in('TEMPLATES = ROOT / ".dvc" / "plots"') == []
    assert named_in('load("metadata/x", {"data": 1})') == []


def test_no_place_of_results_is_named_outside_paths_and_outs() -> None:
    files = [
        file
        for file in PACKAGE.rglob("*.py")
        if file != PACKAGE / "workspace" / "paths.py" and PACKAGE / "outs" not in file.parents
    ]
    assert len(files) > 100
    named = {str(file.relative_to(PACKAGE)): named_in(file.read_text()) for file in files}
    assert {name: lines for name, lines in named.items() if lines} == {}
