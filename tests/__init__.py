"""Tests, in the rooms of the package."""

from tests import shapes as shapes  # the checker that pyproject.toml names for jaxtyping's hook
