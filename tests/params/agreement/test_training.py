"""What a task learns from is in the training corpus, as data-prep found it."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from lm_geometry.data_prep.corpora.saving import save
from lm_geometry.outs.data_prep.corpora import CorpusSplit
from lm_geometry.params.check import ParamsError, check
from lm_geometry.workspace.files import write_json
from lm_geometry.workspace.section import ROOT, read_yaml

T5 = {
    "name": "t5", "label": "t5", "source": "hub:me/t5", "kind": "encoder-decoder", "layers": 2,
    "width": 32, "half": "encoder",
}  # fmt: skip
LABELS = {"task": "sequence_to_sequence", "target": "label", "block_tokens": 64}
HERE = "file:/texts/mine.jsonl"


def prepared(root: Path, corpus: str, **columns: Any) -> Path:
    """A project whose data-prep has made a training corpus with these columns."""
    split = CorpusSplit(corpus, "train")
    training = root / "data" / "training"
    save(Dataset.from_dict({"text": ["a b"], "document": ["a"], **columns}), split.folder(training))
    write_json(training / "index.json", {"equations": None, "splits": [vars(split)]})
    return root


def told(
    root: Path, finetune: dict[str, Any], train: str = HERE, is_prepared: bool = True
) -> list[str]:
    raw = read_yaml(ROOT / "params.yaml")
    raw["model"] |= {"name": "hub:me/t5", "half": "encoder"}
    raw["data_prep"] |= {"train": train, "evaluate": ["encyclopaedia"]}
    raw["data_prep"]["prompts"]["count"] = 0
    raw["embed"] |= {"layers": [1, 2]}
    raw["aggregate"]["layer"] = 2
    raw["finetune"] |= finetune
    models, corpora = (read_yaml(ROOT / "catalogue" / f"{f}.yaml") for f in ("models", "corpora"))
    try:
        check(raw, models, corpora, root, resolved=T5, prepared=is_prepared)
    except ParamsError as error:
        found = [line.removeprefix("params.yaml: ") for line in str(error).splitlines()]
        return [line for line in found if line.startswith("finetune.")]
    return []


@pytest.mark.parametrize("task", ["sequence_to_sequence", "language_modelling"])
def test_labels_that_are_to_be_written_are_in_the_corpus(tmp_path: Path, task: str) -> None:
    settings = LABELS | {"task": task}
    (found,) = told(prepared(tmp_path, "mine", number=[3]), settings)
    assert found.startswith(
        "finetune.target: label of sequence_to_sequence learns from the column label, and the "
        "corpus of data_prep.train has no label, only text, document; "
    )
    assert told(prepared(tmp_path, "mine", label=["joy"]), settings) == []
    assert told(tmp_path, LABELS | {"target": "next_text"}) == []


def test_a_corpus_that_data_prep_has_not_looked_at_is_not_judged(tmp_path: Path) -> None:
    assert told(tmp_path, LABELS) == []
    assert told(prepared(tmp_path, "other"), LABELS) == []
    assert told(tmp_path, LABELS, train="file:/texts/other.jsonl") != []


def test_columns_of_an_earlier_run_refuse_nothing_before_data_prep_ran_again(
    tmp_path: Path,
) -> None:
    there = prepared(tmp_path, "mine")
    named = f"{HERE},label=mood"  # of the same name, and with a label this time
    assert told(there, LABELS, train=named, is_prepared=False) == []
