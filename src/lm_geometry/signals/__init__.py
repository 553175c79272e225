"""Signals of a training run, and how long before an event they turn; knows no study.

What each checkpoint is measured by: numbers of its clouds (`rankme`, `participation_ratio`, …) and
the norm of its weights; and every signal that a module declares, in `signals()`, which a `Reader`
reads step by step and a `verdict` judges. The names stand in ``__init__.pyi`` and are imported when
first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
