"""data/model.json is read back as it was written, and answers what stages ask of it."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lm_geometry.outs.data_prep.model import (
    ModelSource,
    SeriesStep,
    read_model_source,
    read_record,
)
from lm_geometry.workspace import paths
from lm_geometry.workspace.files import write_json

SOURCE = ModelSource("mine", "Mine", "hub:me/mine", "decoder", 30, 576, "pretrained", 0)


def test_a_source_is_read_back_with_its_series(project: Path) -> None:
    steps = [SeriesStep(step, f"hub:me/mine@step{step}", f"hash{step}") for step in (10, 200)]
    source = replace(SOURCE, longest=512, series=[asdict(step) for step in steps])
    assert "series" not in SOURCE.record()  # most models have none
    write_json(paths.MODEL, source.record())
    assert read_model_source() == source
    later = read_model_source().later()
    assert list(later) == [10, 200]
    assert later[200] == replace(source, source="hub:me/mine@step200", content="hash200", series=[])


def test_layers_are_told_by_share_number_and_name() -> None:
    assert SOURCE.resolved_layers(["25%-35%", -1, 0, "last"]) == [8, 9, 10, 11, 30, 0]
    assert SOURCE.resolved_layers("all") == list(range(31))
    assert SOURCE.resolved_blocks(["25%-100%"]) == list(range(8, 30))
    with pytest.raises(ValueError, match=r"embed\.layers: of mine there is no layer 31"):
        SOURCE.resolved_layers([31])
    kinds = {"encoder": "masked_lm", "encoder-decoder": "sequence_to_sequence"}
    assert SOURCE.language_task == "causal_lm"
    assert {kind: replace(SOURCE, kind=kind).language_task for kind in kinds} == kinds


def test_a_record_that_is_missing_or_cut_is_none(project: Path) -> None:
    assert read_record(project) == {}
    paths.MODEL.parent.mkdir(parents=True, exist_ok=True)
    paths.MODEL.write_text('{"name": "mi')
    assert read_record(project) == {}
