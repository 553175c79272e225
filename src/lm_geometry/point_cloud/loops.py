"""Compiled loops over the rows of a cloud, and the threads that they run on."""

import inspect
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, TypeVar

import numba
from threadpoolctl import ThreadpoolController

from lm_geometry.point_cloud import code_cache, compilation

Item = TypeVar("Item")
Result = TypeVar("Result")


def compiled(function: Callable[..., Any], fastmath: bool | set[str] = False) -> Callable[..., Any]:
    """`function` compiled by numba without the interpreter lock, and cached where that is allowed.

    Divisions follow numpy (x/0 is infinite). No operation is reordered unless `fastmath` says so.
    """
    function = inspect.unwrap(function)  # tests wrap every function, to check shapes
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    compilation.announce()
    try:
        return code_cache.keep(numba.njit(cache=True, **options)(function))
    except (
        OSError,
        RuntimeError,
    ):  # an install that can be read only, with no cache folder of the user's
        return numba.njit(**options)(function)


def threads() -> int:
    """How many threads to use: the processors of this process, or OMP_NUM_THREADS if fewer."""
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        processors = os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(processors, int(wanted)) if wanted.isdigit() and int(wanted) else processors


@lru_cache(maxsize=1)
def _blas(modules: int) -> ThreadpoolController:
    """The linear algebra libraries loaded so far, looked for again when `modules` has changed."""
    return ThreadpoolController()


def single_threaded_blas() -> AbstractContextManager[object]:
    """A context in which linear algebra uses one thread: our own threads run beside each other."""
    return _blas(len(sys.modules)).limit(limits=1, user_api="blas")


def compiled_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """As `compiled`, with leave to add in the order that suits the processor's vector registers.

    For bounds only, and never in a loop that another compiled loop calls: see `summation`.
    """
    return compiled(function, {"reassoc", "nsz"})


def over_rows(work: Callable[[int, int], Result], rows: int, at_least: int = 64) -> list[Result]:
    """The results of `work(first, last)` on consecutive pieces of `rows`, in order, on all threads.

    The pieces depend on `rows` alone, never on the number of threads.
    """
    size = max(at_least, -(-rows // 64))
    pieces = [(first, min(first + size, rows)) for first in range(0, rows, size)]
    return side_by_side(lambda piece: work(*piece), pieces)


def side_by_side(
    work: Callable[[Item], Result], items: list[Item], title: str | None = None
) -> list[Result]:
    """`[work(item) for item in items]` on all threads, with single-threaded linear algebra.

    `title` names a progress bar, which appears where stderr is a terminal.
    """
    with single_threaded_blas():
        if len(items) <= 1 or threads() == 1:
            return list(_shown(map(work, items), title, len(items)))
        with ThreadPoolExecutor(threads()) as pool:
            return list(_shown(pool.map(work, items), title, len(items)))


def _shown(results: Iterable[Result], title: str | None, total: int) -> Iterable[Result]:
    if title is None or not sys.stderr.isatty():
        return results
    from tqdm import tqdm

    return tqdm(results, desc=title, total=total, leave=False)
