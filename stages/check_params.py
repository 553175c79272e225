"""Refuse params.yaml and the catalogue with every error at once; each stage begins with this.

It decides whether a stage runs and never what it writes: it is no dependency of any stage.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from lm_geometry.params.check import check_or_exit
from lm_geometry.workspace.faults import sentences
from lm_geometry.workspace.printing import print_any_character

if __name__ == "__main__":
    print_any_character()
    with sentences():
        check_or_exit()
