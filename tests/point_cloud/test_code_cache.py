"""The machine code of compiled loops: what of numba's insides its cache relies on."""

import inspect
import os

import numba
import pytest
from numba.core import config
from numba.core.caching import IndexDataCacheFile

from lm_geometry.point_cloud import code_cache
from lm_geometry.point_cloud.loops import compiled


def double(x):
    return 2 * x


@pytest.mark.parametrize("attribute", ["_impl.filename_base", "_cache_file"])
def test_numba_names_its_caches_as_ever(attribute, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    found = numba.njit(cache=True)(double)._cache  # pyright: ignore[reportFunctionMemberAccess]
    for name in attribute.split("."):
        found = getattr(found, name)
    assert found


def test_numbas_cache_files_are_made_and_named_as_ever(tmp_path):
    given = list(inspect.signature(IndexDataCacheFile).parameters)
    assert given == ["cache_path", "filename_base", "source_stamp"]
    files = IndexDataCacheFile(str(tmp_path), "double", "stamp")
    assert files._index_name == "double.nbi"
    assert files._data_name(3) == "double.3.nbc"
    files._data_name = lambda number: f"other.{number}.nbc"
    files.save("key", 1)
    assert {path.name for path in tmp_path.iterdir()} == {"double.nbi", "other.1.nbc"}


def test_a_compiled_function_is_compiled_without_what_tests_put_around_it():
    assert compiled(double).py_func is double  # pyright: ignore[reportFunctionMemberAccess]
    wrapped = lambda x: double(x)  # noqa: E731
    wrapped.__wrapped__ = double  # pyright: ignore[reportFunctionMemberAccess]
    assert compiled(wrapped).py_func is double  # pyright: ignore[reportFunctionMemberAccess]


def test_machine_code_of_another_user_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    assert code_cache._root().is_relative_to(tmp_path)
    monkeypatch.setattr(code_cache.os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    if tmp_path.stat().st_uid == 0:  # root's own is taken by everybody
        os.chown(code_cache._root(), 1, -1)
        monkeypatch.setattr(code_cache.os, "getuid", lambda: 2)
    with pytest.raises(PermissionError, match="belongs to another user"):
        code_cache._root()
    assert compiled(double)(2) == 4  # compiled anew
