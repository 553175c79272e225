"""The files of pins are complete and hashed; torch alone is pinned by its version."""

import re
import tomllib

import pytest

from tests.structure import ROOT

FOLDER = ROOT / "requirements"
BY_VERSION = "torch"
FILES = sorted(file.stem for file in FOLDER.glob("*.txt"))
SIDE_BY_SIDE = [name for name in FILES if name != "dadapy"]
BLOCK = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^\s;]+)([^#]*?)(?=^[a-z0-9]|\Z)", flags=re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for found in BLOCK.finditer(text_of(name))}


def normal(requirement: str) -> str:
    """The name of a package in a requirement, as the files of pins write it."""
    return re.split(r"[\[<>=;~! ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("name", FILES)
def test_every_pin_has_its_hashes(name: str) -> None:
    blocks = list(BLOCK.finditer(text_of(name)))
    assert len(blocks) == len(re.findall(r"^[^#\s-].*==", text_of(name), flags=re.MULTILINE)) > 0
    without = [found[1] for found in blocks if not HASH.search(found[3])]
    assert without == (list(pins(name)) if name == BY_VERSION else [])


@pytest.mark.parametrize("name", FILES)
def test_no_file_says_where_packages_come_from(name: str) -> None:
    assert re.findall(r"https?://|--index|--extra-index|--find-links|file:", text_of(name)) == []


def test_packages_side_by_side_have_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for name in SIDE_BY_SIDE:
        for package, version in pins(name).items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


def test_neither_installer_is_told_of_torch() -> None:
    """With `--no-deps` and no torch in the files, what pip chose for this machine stays."""
    of_a_build = re.compile(r"torch$|triton$|nvidia-|cuda-")
    others = {name: [p for p in pins(name) if of_a_build.match(p)] for name in FILES}
    assert {name for name, found in others.items() if found} == {BY_VERSION}


def test_what_pyproject_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    of_a_clone = [*project["dependencies"], *extras.pop("models"), *extras.pop("pipeline")]
    base = {normal(line) for line in of_a_clone} - {project["name"]}
    assert base - set(pins("base")) == {"torch"}
    for extra, lines in extras.items():
        assert {normal(line) for line in lines} - set(pins(extra)) - set(pins("base")) == set()
