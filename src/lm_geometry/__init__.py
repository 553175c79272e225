"""Intrinsic dimensions and token geometry of language models.

The public names stand in ``__init__.pyi`` and are imported when they are first used, so that
``import lm_geometry`` costs nothing and a pipeline stage loads only what it calls. Those that an
extra brings are none of ``from lm_geometry import *`` and of ``dir`` where it is not installed.
"""

import lazy_loader

_attached, _, _public = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """The public name; raises ImportError, which names the extra, for what the core lacks."""
    from lm_geometry.workspace.extras import EXTRA_OF, naming_the_extra

    if name == "__all__":  # asked for by a star, which then imports every name of it
        return [public for public in _public if _can_be_had(public)]
    if name not in EXTRA_OF:
        return _attached(name)
    with naming_the_extra(f"{__name__}.{name}", EXTRA_OF[name]):
        return _attached(name)


def _can_be_had(name: str) -> bool:
    try:
        __getattr__(name)
    except ImportError as error:
        if not isinstance(error.__cause__, ModuleNotFoundError):
            raise
        return False
    return True


def __dir__() -> list[str]:
    from lm_geometry.workspace.extras import EXTRA_OF

    there = {extra: _installed(extra) for extra in {*EXTRA_OF.values()}}
    return [name for name in _public if name not in EXTRA_OF or there[EXTRA_OF[name]]]


def _installed(extra: str) -> bool:
    """Whether all packages of an extra are there, of any version; none of them is imported.

    True as well where this package was not installed, so that nothing can tell.
    """
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement  # lazy-loader brings it

    from lm_geometry.workspace.extras import PACKAGE

    try:
        for needed in map(Requirement, requires(PACKAGE) or []):
            if needed.marker is None or not needed.marker.evaluate({"extra": extra}):
                continue
            version(needed.name)
            if needed.name == PACKAGE and not all(map(_installed, needed.extras)):
                return False
    except PackageNotFoundError as error:
        return error.name == PACKAGE
    return True
