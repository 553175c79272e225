"""The wheel in an environment of its own: the core is light, and says what it lacks.

Packages come from wherever pip finds them here.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import lm_geometry
from lm_geometry.commands.cli import COMMANDS
from lm_geometry.workspace.extras import EXTRA_OF
from tests.structure import ROOT

pytestmark = pytest.mark.slow

MEGABYTES = 450
CORE = {"click", "lazy-loader", "llvmlite", "lm-geometry", "numba", "numpy", "packaging", "scipy"}
CORE |= {"threadpoolctl", "tqdm"}
COMPILED = {".pyc", ".nbi", ".nbc"}
INSTALLERS = {"pip", "setuptools"}
SMALL = """\
import numpy as np
from lm_geometry import cloud_signals, gride, local_dimension, neighbourhood_overlap
A, B = np.load("a.npy"), np.load("b.npy")
np.savez(
    "found.npz",
    local=local_dimension(A, n_neighbors=16),
    gride=gride(A, range_max=16).dimension,
    overlap=neighbourhood_overlap(A, B, k_max=5),
    signals=[signal.value for signal in cloud_signals(A)],
)
"""
TYPED = """\
from typing import assert_type
import numpy as np
from lm_geometry import Gride, gride, local_dimension, measure
X = np.zeros((9, 3))
assert_type(gride(X, range_max=4), Gride)
assert_type(local_dimension(X, n_neighbors=4), np.ndarray)
gride(X, largest_range=4)
measure("a", ["b"], n_neighbors="c")
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel and what pip brings with it."""
    folder = tmp_path_factory.mktemp("wheel")
    source, environment = folder / "source", folder / "environment"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    built = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    must([*built, "-w", folder, source], folder)
    must([sys.executable, "-m", "venv", environment], folder)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    pip = [programs / "python", "-m", "pip", "install", "--no-cache-dir"]
    must([*pip, *folder.glob("*.whl")], folder)
    return programs


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """A command outside of the clone, of which it is not told."""
    own = ("PYTHON", "LM_GEOMETRY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.run(
        [str(word) for word in command], cwd=folder, env=environment, capture_output=True, text=True
    )


def must(command: Sequence[str | Path], folder: Path) -> None:
    """As `run`, of what has to end well."""
    done = run(command, folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_core_brings_what_it_needs_and_no_more(bare: Path, tmp_path: Path) -> None:
    listed = run([bare / "python", "-m", "pip", "list", "--format", "json"], tmp_path)
    installed = {one["name"].replace("_", "-").lower() for one in json.loads(listed.stdout)}
    assert {"lm-geometry", "numba"} <= installed <= CORE | INSTALLERS
    [packages] = bare.parent.glob("lib/python*/site-packages")
    ours = [file for file in packages.rglob("*") if file.is_file()]
    ours = [f for f in ours if not f.relative_to(packages).parts[0].startswith((*INSTALLERS,))]
    assert sum(file.stat().st_size for file in ours) < MEGABYTES * 1e6


def test_every_file_of_the_package_is_in_it(bare: Path) -> None:
    (wheel,) = bare.parents[1].glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "src" / "lm_geometry"
    files = {file for file in source.rglob("*") if file.is_file() and file.suffix not in COMPILED}
    named = {f"lm_geometry/{file.relative_to(source).as_posix()}" for file in files}
    assert named <= packed
    assert {Path(name).suffix for name in named} >= {".py", ".pyi", ".csv", ".jinja"}


def test_its_numbers_are_those_of_the_clone(bare: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, 300, 12))
    np.save(tmp_path / "a.npy", A)
    np.save(tmp_path / "b.npy", B)
    done = run([bare / "python", "-c", SMALL], tmp_path)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz")
    expected = {
        "local": lm_geometry.local_dimension(A, n_neighbors=16),
        "gride": lm_geometry.gride(A, range_max=16).dimension,
        "overlap": lm_geometry.neighbourhood_overlap(A, B, k_max=5),
        "signals": [signal.value for signal in lm_geometry.cloud_signals(A)],
    }
    assert set(found.files) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, err_msg=name)


def test_a_name_that_needs_an_extra_says_which_each_time(bare: Path, tmp_path: Path) -> None:
    script = """if True:
        import lm_geometry, sys
        for name in sys.argv[1:] * 2:
            try:
                getattr(lm_geometry, name)
            except ImportError as error:
                print(error)
    """
    done = run([bare / "python", "-c", script, *EXTRA_OF], tmp_path)
    told = done.stdout.splitlines()
    assert len(told) == 2 * len(EXTRA_OF), done.stdout + done.stderr
    for (name, extra), line in zip([*EXTRA_OF.items()] * 2, told, strict=True):
        assert line.startswith(f"lm_geometry.{name} needs ")
        assert line.endswith(f"pip install 'lm-geometry[{extra}]'")


def test_each_command_says_what_it_lacks(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("some text")
    for name in COMMANDS:
        words = ["some-model", "notes.txt"] if name == "measure" else []
        done = run([bare / "lm-geometry", name, *words], tmp_path)
        needed = "lm-geometry[models]" if name == "measure" else "a clone of the repository"
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith(f"lm-geometry {name}: it ")
        assert needed in done.stderr
        assert run([bare / "lm-geometry", name, "--help"], tmp_path).returncode == 0


def test_an_editor_sees_its_types(bare: Path, tmp_path: Path) -> None:
    """What is right passes; a wrong name and a wrong value of an option are found, each once."""
    (tmp_path / "typed.py").write_text(TYPED)
    checker = [sys.executable, "-m", "basedpyright", "--pythonpath", bare / "python"]
    done = run([*checker, "--outputjson", tmp_path / "typed.py"], tmp_path)
    found = [
        (one["range"]["start"]["line"] + 1, one["rule"])
        for one in json.loads(done.stdout)["generalDiagnostics"]
        if one["severity"] == "error"
    ]
    assert found == [(7, "reportCallIssue"), (8, "reportArgumentType")]
