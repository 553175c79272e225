"""The frozen, typed view of params.yaml and the catalogue; a file per section.

A pipeline stage reads its own sections (`Embed.read()`), so that it depends on the code of
those alone. `check` validates all of them at once.
"""

import importlib


def check() -> None:
    """Exit with every error of params.yaml and the catalogue at once, before anything is touched.

    The checks decide whether a stage runs and never what it writes. They are therefore imported
    by name, and their code is not among the stage's dependencies.
    """
    importlib.import_module("lm_geometry.params.check").check_or_exit()
