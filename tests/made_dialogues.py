"""Dialogues in ConvLab-3's unified format whose states and emotions are made."""

import json
import zipfile
from pathlib import Path
from typing import Any

AREAS = ["north", "south", "centre"]
NAMES = ["gate house", "river inn", "stone hall", "the mill"]
EMOTIONS = ["neutral", "satisfied", "dissatisfied"]
ONTOLOGY = {
    "domains": {
        "hotel": {
            "slots": {
                "area": {"is_categorical": True, "possible_values": AREAS},
                "name": {"is_categorical": False, "possible_values": []},
                "internet": {"is_categorical": True, "possible_values": ["yes", "no"]},
            }
        }
    },
    "state": {"hotel": {"area": "", "name": "", "internet": ""}},
}


def write_dialogues(folder: Path, dialogues: int) -> Path:
    """`folder/data.zip` of so many dialogues of five turns in each of three splits."""
    told = [
        _dialogue(number, split)
        for split in ("train", "validation", "test")
        for number in range(dialogues)
    ]
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "data.zip", "w") as archive:
        archive.writestr("data/dialogues.json", json.dumps(told))
        archive.writestr("data/ontology.json", json.dumps(ONTOLOGY))
    return folder / "data.zip"


def _dialogue(number: int, split: str) -> dict[str, Any]:
    area, name = AREAS[number % 3], NAMES[number % 4]
    said = [
        (f"i need a hotel in the {area} of the city please", {"area": area}),
        (f"you could stay at the {name} which is rather quiet", {}),
        (f"fine let us take the {name} but does it have the internet", {"name": name}),
        ("it does and it is free for all guests of the house", {}),
        ("then i want internet and that is all thank you", {"internet": "yes"}),
    ]
    turns, state = [], {"area": "", "name": "", "internet": ""}
    for place, (text, new) in enumerate(said):
        turn = {"utterance": text, "utt_idx": place, "dialogue_acts": {}}
        if place % 2 == 0:
            state |= new
            emotion = EMOTIONS[(number + place) % 3]
            turn |= {"state": {"hotel": {**state}}, "emotion": [{"final": emotion}]}
        turns.append(turn | {"speaker": "system" if place % 2 else "user"})
    own = {"dialogue_id": f"{split}-{number}", "original_id": f"{number}", "data_split": split}
    return own | {"domains": ["hotel"], "turns": turns}
