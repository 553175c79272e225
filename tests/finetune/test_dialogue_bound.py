"""The bound of trackers that point, on the published files of MultiWOZ 2.1."""

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.data_prep.corpora import multiwoz
from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.multiwoz_states import ontology
from lm_geometry.finetune.tasks.dialogue_turns import by_dialogue, tracked_states, user_turns
from lm_geometry.state_tracking.joint_goal import joint_goal
from lm_geometry.state_tracking.values import boolean
from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

FILES = Path(os.environ.get("LM_GEOMETRY_REFERENCE", "nowhere")) / "data" / "multiwoz21"
COLUMNS = ("text", "document", "turn", "state", "state_before", "informed", "requested")
# User turns, new values, of them copied at least; joint goal at least.
KNOWN = {"validation": (7_365, 8_428, 0.754, 0.742), "test": (7_372, 8_638, 0.724, 0.706)}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    if not FILES.exists():
        pytest.skip("LM_GEOMETRY_REFERENCE names no folder with data/multiwoz21")
    entry = read_yaml(ROOT / "catalogue" / "corpora.yaml")["multiwoz21-original"]
    return list(multiwoz.rows(FILES, Corpus.model_validate(entry)))


@pytest.mark.slow
@pytest.mark.parametrize("split", list(KNOWN))
def test_values_are_copied_and_states_reached_as_often_as_known(
    rows: list[dict[str, Any]], split: str
) -> None:
    own = [row for row in rows if row["split"] == split]
    columns: Any = {name: [row[name] for row in own] for name in COLUMNS}
    slots = ontology(FILES)
    assert len(slots) == 30
    start = time.process_time()
    turns = list(user_turns(columns, slots))
    labels = [said.labels for said in turns]
    booleans = frozenset(slot for slot, values in slots.items() if boolean(values))
    states = tracked_states(turns, by_dialogue(turns), labels, booleans)
    gold = [said.turn.state for said in turns]
    found = joint_goal(states, gold, list(slots))
    assert time.process_time() - start < 10
    number, changed, copied, reached = KNOWN[split]
    kinds = Counter(
        label.kind
        for said in turns
        for slot, label in said.labels.items()
        if slot in said.turn.state and (label.kind != "none" or not label.pointable)
    )
    assert booleans == {"hotel-parking", "hotel-internet"}
    assert len(turns) == number
    assert kinds["copy_value"] / changed > copied + 0.03
    assert found.joint_goal_accuracy > reached + 0.04
    lenient = joint_goal(states, gold, list(slots), lenient=True)
    assert found.joint_goal_accuracy < lenient.joint_goal_accuracy < 0.85
