"""What `make setup` compiles is what commands import."""

import importlib.util

import pytest

from lm_geometry.experiments.first_calls import LATER


@pytest.mark.parametrize("name", LATER)
def test_what_is_imported_later_is_there(name: str) -> None:
    assert importlib.util.find_spec(name) is not None  # else `make setup` ends in a traceback
