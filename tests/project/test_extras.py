"""What the extras of pyproject.toml bring is enough for what they are for."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lm_geometry.workspace.extras import EXTRA_OF
from tests.conftest import TinyModel
from tests.structure import ROOT

NAMES = {
    alias.name
    for line in ast.parse((ROOT / "src/lm_geometry/__init__.pyi").read_text()).body
    if isinstance(line, ast.ImportFrom)
    for alias in line.names
}
CORE = "from lm_geometry import " + ", ".join(sorted(NAMES - EXTRA_OF.keys()))
MEASURED = """
import sys
from tests.project.one_extra import hide_others
hide_others("models")
for absent in ("dvc", "pytest", "seqeval"):
    try:
        __import__(absent)
    except ModuleNotFoundError:
        continue
    raise AssertionError(absent)
from lm_geometry import LocalDimensionCallback, compare, measure
from tests.measure.words import documents
folder, out = sys.argv[1:]
texts = documents(12, words=60)
few = {"points": 150, "prepared": 300, "keep_tokens": 300, "n_neighbors": [8], "max_length": 32}
found = measure(folder, texts, [-1], **few)
found.save(out + "/page.html")
print(compare(folder, folder, texts, [-1], **few).table["mean"].abs().max())
print(found.table["mean"].notna().all())
"""


def run(script: str, *words: str | Path) -> str:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_imports_nothing_of_an_extra() -> None:
    """Not even what is installed: `import lm_geometry` is quick, and so are its estimators."""
    extras = ["torch", "transformers", "pandas", "pyarrow", "pydantic", "ruamel", "altair", "dvc"]
    extras += ["datasets", "peft", "accelerate", "sklearn", "skdim", "faiss", "psutil", "jinja2"]
    told = f"\nimport sys; print(sorted(sys.modules.keys() & {set(extras)}))"
    assert run(CORE + told).strip() == "[]"


def test_the_package_waits_with_the_compiler_until_an_estimator_is_asked_for() -> None:
    told = "\nimport sys; print('numba' in sys.modules, 'scipy' in sys.modules)"
    assert run("import lm_geometry; lm_geometry.NeighbourGraph" + told).strip() == "False False"
    assert run("from lm_geometry import gride" + told).split()[0] == "True"


STAR = """
import inspect, sys
from tests.project.one_extra import hide_others
hide_others("slurm")  # which brings none of what the others do
try:
    import torch
except ModuleNotFoundError:
    import lm_geometry
    print(sorted(dir(lm_geometry)))
    print(sorted(name for name, _ in inspect.getmembers(lm_geometry)))
    names = {}
    exec("from lm_geometry import *", names)
    print(sorted(names.keys() - {"__builtins__"}))
    try:
        lm_geometry.measure
    except ImportError as error:
        print(error)
"""


def test_a_star_and_dir_give_the_core_what_it_has() -> None:
    """So that `help` and completion work there; a name of an extra still says which one."""
    core = sorted(NAMES - EXTRA_OF.keys())
    shown, members, starred, told = run(STAR).splitlines()
    assert shown == members == starred == str(core)
    assert told.endswith("pip install 'lm-geometry[models]'")
    every = "import lm_geometry; print(len(dir(lm_geometry)))"
    assert int(run(every)) == len(NAMES)


@pytest.mark.slow
def test_the_extra_of_models_is_enough_to_measure(
    tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    printed = run(MEASURED, tiny_models["llama"].folder, tmp_path).splitlines()
    assert printed[-2:] == ["0.0", "True"]
    assert "local dimension" in (tmp_path / "page.html").read_text(encoding="utf-8").lower()
