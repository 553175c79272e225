"""Intrinsic dimensions and token geometry of language models.

The public names stand in ``__init__.pyi`` and are imported when they are first used, so that
``import lm_geometry`` costs nothing and a pipeline stage loads only what it calls.
"""

import lazy_loader

_attached, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """The public name; raises ImportError, which names the extra, for what the core lacks."""
    from lm_geometry.workspace.extras import EXTRA_OF, naming_the_extra

    if name not in EXTRA_OF:
        return _attached(name)
    with naming_the_extra(f"{__name__}.{name}", EXTRA_OF[name]):
        return _attached(name)
