"""The editor's launcher offers every stage."""

import json

from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT


def test_the_launcher_offers_the_stages_in_their_order() -> None:
    launch = json.loads((ROOT / ".vscode" / "launch.json").read_text())
    offered = launch["inputs"][0]["options"]
    assert offered == [name.replace("-", "_") for name in read_yaml(ROOT / "dvc.yaml")["stages"]]
    program = launch["configurations"][0]["program"]
    for stage in offered:
        path = program.replace("${input:stage}", stage).replace("${workspaceFolder}", str(ROOT))
        assert (ROOT / path).is_file()
