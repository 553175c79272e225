"""Shapes in annotations: checked in the test run, and nowhere else."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError, install_import_hook

from lm_geometry.point_cloud.cloud import centre_and_scale
from lm_geometry.statistics import clustered_mean
from tests.structure import PACKAGE, ROOT

ROOMS = "point_cloud neighbours dimension observables statistics token_geometry projections"
FILES = [file for room in ROOMS.split() for file in sorted((PACKAGE / room).glob("*.py"))]
FAULTY = """
import numpy as np
from lm_geometry.point_cloud.shapes import Float64

def shifted(X: Float64[np.ndarray, "tokens width"]) -> Float64[np.ndarray, "tokens width"]:
    return X.T + 1
"""


def test_the_package_is_checked_in_this_test_run():
    with pytest.raises(TypeCheckError, match=r"Float\[ndarray, 'tokens width'\]"):
        centre_and_scale(np.zeros(3))
    with pytest.raises(TypeCheckError, match="clusters"):
        clustered_mean(np.zeros(3), np.zeros(4, np.int64))


def test_a_transposed_result_is_caught_under_the_hook_alone(tmp_path, monkeypatch):
    (tmp_path / "faulty.py").write_text(FAULTY)
    (tmp_path / "unchecked.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    with install_import_hook("faulty", "tests.shapes.checked"):
        faulty = import_module("faulty")
    with pytest.raises(TypeCheckError, match=r"return value of faulty\.shifted"):
        faulty.shifted(np.zeros((3, 2)))
    assert faulty.shifted(np.zeros((3, 3))).shape == (3, 3)
    assert import_module("unchecked").shifted(np.zeros((3, 2))).shape == (2, 3)


def test_elsewhere_nothing_is_checked_and_nothing_more_is_imported():
    script = (
        "import sys, numpy as np\n"
        "sys.modules |= dict.fromkeys(['jaxtyping', 'beartype'])  # as if not installed\n"
        "from lm_geometry.statistics import clustered_mean\n"
        "from lm_geometry.dimension.gride import from_radii\n"
        "print(hasattr(from_radii, '__wrapped__'), clustered_mean.__annotations__['values'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )
    assert done.stdout.strip() == "False <class 'numpy.ndarray'>"


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_array_in_a_signature_has_its_shape(file):
    assert [text for text in annotations(file) if "NDArray" in text] == []
    bare = [text for text in annotations(file) if "ndarray" in without_shapes(text)]
    assert bare == []


def annotations(file: Path) -> Iterator[str]:
    """The annotations of public functions; those of compiled loops have none."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            hints = [argument.annotation for argument in given] + [node.returns]
            yield from (ast.unparse(hint) for hint in hints if hint)


def without_shapes(annotation: str) -> str:
    """The annotation without arrays that have a shape, such as `Float[np.ndarray, 'tokens']`."""
    return re.sub(r"\w+\[np\.ndarray, '[^']*'\]", "", annotation)
