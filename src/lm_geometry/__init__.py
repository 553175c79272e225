"""Intrinsic dimensions and token geometry of language models.

The public names stand in ``__init__.pyi`` and are imported when they are first used, so that
``import lm_geometry`` costs nothing and a pipeline stage loads only what it calls.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
