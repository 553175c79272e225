"""Which domains of dialogues in the unified format are tracked: those of a whole corpus."""

import json
from pathlib import Path
from typing import Any

import pytest

from lm_geometry.data_prep.corpora import reading
from lm_geometry.data_prep.corpora.catalogue import Corpus

FIVE = ("attraction", "hotel", "restaurant", "taxi", "train")


def _states(folder: Path) -> list[dict[str, str]]:
    entry = Corpus.model_validate({"source": f"file:{folder}", "reader": "convlab"})
    (rows,) = reading.read(entry, folder).values()
    return list(map(json.loads, rows["state"]))


@pytest.mark.parametrize("listed", [True, False], ids=["ontology", "states alone"])
def test_a_domain_is_tracked_in_a_whole_corpus_or_not_at_all(tmp_path: Path, listed: bool) -> None:
    def told(*states: dict[str, Any]) -> dict[str, Any]:
        turns = [
            {"utterance": "x", "utt_idx": i, "speaker": "user", "dialogue_acts": {}, "state": state}
            for i, state in enumerate(states)
        ]
        named = {"dialogue_id": "A", "original_id": "A", "data_split": "test", "domains": []}
        return named | {"turns": turns}

    hospital = {"hospital": {"department": "x-ray"}}
    dialogues = [told({**hospital, "taxi": {"leave at": "9"}}), told(hospital)]
    five = {domain: {"area": ""} for domain in FIVE}
    if listed:
        ontology = {"state": five | hospital, "domains": {d: {"slots": {}} for d in five}}
        (tmp_path / "ontology.json").write_text(json.dumps(ontology))
    else:
        dialogues.append(told(five))
    (tmp_path / "dialogues.json").write_text(json.dumps(dialogues))
    assert _states(tmp_path)[:2] == [{"taxi-leave at": "9"}, {}]
    (tmp_path / "ontology.json").unlink(missing_ok=True)
    (tmp_path / "dialogues.json").write_text(json.dumps(dialogues[:2]))  # none of MultiWOZ
    assert _states(tmp_path)[1] == {"hospital-department": "x-ray"}
