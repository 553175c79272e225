"""The callback in a training of two processes whose weights are spread over them (FSDP2, gloo)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import Module
from transformers import AutoModelForCausalLM, AutoTokenizer

from lm_geometry.measure.callback import LocalDimensionCallback
from lm_geometry.measure.in_trainer import refuse_spread
from tests.conftest import TinyModel
from tests.measure.sharded_training import ALL, STEPS
from tests.measure.training import SMALL, TEXTS
from tests.structure import ROOT

SCRIPT = "tests.measure.sharded_training"
SECONDS = 600  # a hang fails
KEY = "local_dimension/layer_3"

Found = list[dict[str, Any]]  # by process


@pytest.fixture(scope="module")
def found(
    tiny_models: dict[str, TinyModel], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Found]:
    out = tmp_path_factory.mktemp("sharded")
    words = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", "-m", SCRIPT]
    subprocess.run(
        [sys.executable, *words, str(tiny_models["llama"].folder), str(out)],
        cwd=ROOT,
        env=os.environ
        | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=SECONDS,
    )
    return out, [torch.load(out / f"found-{rank}.pt") for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["root", "together", "adapted", "trainer", "accelerate"])
def test_weights_are_bit_equal_with_and_without_it(found: tuple[Path, Found], kind: str) -> None:
    for process in found[1]:
        own, other = process[kind]["shares"], process[f"{kind} alone"]["shares"]
        assert all(torch.equal(own[name], other[name]) for name in other)
    first, second = (process[kind] for process in found[1])
    assert len(first["history"]) == STEPS + 1
    assert second["history"] == []
    assert first["history"][0][KEY] != first["history"][-1][KEY]


@pytest.mark.slow
def test_numbers_are_those_of_one_process(
    found: tuple[Path, Found], tiny_models: dict[str, TinyModel], tmp_path: Path
) -> None:
    out, (first, _) = found
    folder = tiny_models["llama"].folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for kind in ("root", "together"):
        model: Module = AutoModelForCausalLM.from_pretrained(folder)
        watch = LocalDimensionCallback(TEXTS, every=1, budget=None, tokenizer=tokenizer, **ALL)
        watch.step(model, 0)
        model.load_state_dict(first[kind]["whole"], strict=False)
        watch.step(model, STEPS)
        for own, expected in zip(watch.history, first[kind]["history"][::STEPS], strict=True):
            names = {n for n in own if not n.endswith(("seconds", "course"))}
            assert names == {n for n in expected if not n.endswith(("seconds", "course"))}
            assert {n: own[n] for n in names} == pytest.approx({n: expected[n] for n in names})
        written = (out / f"{kind}.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in written] == first[kind]["history"]


@pytest.mark.slow
def test_a_place_within_the_blocks_is_read(
    found: tuple[Path, Found], tiny_models: dict[str, TinyModel]
) -> None:
    folder = tiny_models["llama"].folder
    tokenizer = AutoTokenizer.from_pretrained(folder)
    watch = LocalDimensionCallback(TEXTS, [1], tokenizer=tokenizer, where="attention", **SMALL)
    expected = watch.step(AutoModelForCausalLM.from_pretrained(folder), 0)
    own = found[1][0]["attention"]["history"][0]
    key = "local_dimension/attention/layer_1"
    assert own[key] == pytest.approx(expected[key])


@pytest.mark.slow
def test_the_first_process_decides_and_none_waits(found: tuple[Path, Found]) -> None:
    measured = [
        [len(process[f"clocked {rank}"]["history"]) for process in found[1]] for rank in (0, 1)
    ]
    assert measured == [[STEPS + 1, 0], [1, 0]]
    assert [process["copied"] for process in found[1]] == [1, 0]
    first, second = (process["refused"] for process in found[1])
    assert "give more text" in first
    assert second == f"of the first process: {first}"


def test_what_else_spreads_a_model_is_refused(tmp_path: Path) -> None:
    watch = LocalDimensionCallback(TEXTS, **SMALL)
    args: Any = type("Args", (), {"deepspeed": "zero3.json", "output_dir": str(tmp_path)})()
    with pytest.raises(ValueError, match="deepspeed spreads a model over processes"):
        watch.on_train_begin(args, Any, Any, model=None)
    args = type("Args", (), {"fsdp": True, "fsdp_config": {"version": 1}})()
    with pytest.raises(ValueError, match="fsdp spreads a model over processes"):
        refuse_spread(args)
    args.fsdp_config = {}  # FSDP2, by default
    refuse_spread(args)
