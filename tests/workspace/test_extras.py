"""What an install lacks is told in a sentence; a fault of our own code is not taken for it."""

from pathlib import Path

import pytest

from lm_geometry.workspace import extras
from lm_geometry.workspace.faults import sentences


def test_a_missing_package_is_named_with_its_extra() -> None:
    with (
        pytest.raises(SystemExit, match=r"^it needs no_such_package, .*'lm-geometry\[maps\]'$"),
        sentences(),
        extras.naming_the_extra("it", "maps"),
    ):
        import no_such_package  # type: ignore[reportMissingImports]  # noqa: F401


def test_a_module_of_our_own_that_is_missing_is_a_fault_of_the_code() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match=r"lm_geometry\.no_such_room"),
        sentences(),
        extras.naming_the_extra("it", "maps"),
    ):
        import lm_geometry.no_such_room  # type: ignore[reportMissingImports]  # noqa: F401


def test_a_clone_has_a_pipeline_and_its_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras.require_clone()  # this one
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"make setup.*\[pipeline\]"):
        extras.require_clone()
    monkeypatch.setattr(extras, "_ABOVE", tmp_path)
    with pytest.raises(ImportError, match="a clone of the repository"):
        extras.require_clone()
