"""Minutes, disk and memory from made-up rates, which are added up by hand."""

from dataclasses import replace
from typing import Any

import pytest

from lm_geometry.experiments.costs import told as module
from lm_geometry.experiments.costs.prediction import STAGES, Costs, predicted
from lm_geometry.experiments.costs.rates import CloudRates, Rates
from lm_geometry.experiments.costs.told import line, together, told_of_all
from lm_geometry.experiments.costs.work import counted
from lm_geometry.experiments.experiment import Experiment, Project
from lm_geometry.params.sections import Params

CLOUD = CloudRates(
    points=3000,
    list_length=400,
    graph=1.0,
    graph_pairs=1.0,
    readings=0.0,
    lpca_tokens=500,
    lpca=0.0,
    signals=0.0,
    surrogate=0.0,
    table_bytes=0,
    aggregated=0.05,
    first=0.0,
)
RATES = Rates(
    seconds=9.0,
    layers=30,
    width=576,
    starts=dict.fromkeys(STAGES, 1.0),
    load=2.0,
    token=0.001,
    trained_token=0.003,
    prompt_token=0.0,
    prompt_layer=0.0,
    written=0.0,
    clouds=CLOUD,
    figures=7.0,
    checkpoint_bytes=14_000_000,
    start_memory=600_000_000,
    model_memory=1_300_000_000,
    training_memory=2_600_000_000,
)


def costs(
    rates: Rates = RATES,
    unchanged: tuple[str, ...] = (),
    workers: int = 1,
    at_a_time: bool = True,
    **changes: Any,
) -> Costs:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    params = Params.of(Project.read().params_of(named))
    return predicted(params, counted(params, rates.layers), rates, unchanged, workers, at_a_time)


def test_a_stage_takes_what_it_does_so_often_and_its_start() -> None:
    found = costs().seconds
    assert found["finetune"] == pytest.approx(1 + 2 + 80 * 512 * 0.003 + 5 * 16 * 128 * 0.001)
    assert found["embed"] == pytest.approx(1 + 6 * 2 + 5 * 12_288 * 0.001)
    assert found["estimate"] == pytest.approx(1 + (80 + 80) * 4)  # twice the points
    assert found["aggregate"] == pytest.approx(1 + 7 + 80 * 0.05 * 2)
    twice = costs(finetune__steps=160).seconds["finetune"]
    assert twice - found["finetune"] == pytest.approx(80 * 512 * 0.003)


def test_several_processes_divide_the_clouds_and_not_their_start() -> None:
    one, four = costs(), costs(workers=4)
    assert four.seconds["estimate"] == pytest.approx(2 + (one.seconds["estimate"] - 1) / 4)
    assert four.seconds["embed"] == one.seconds["embed"]
    processors = costs(workers=4, at_a_time=False)
    assert processors.seconds["estimate"] == pytest.approx(one.seconds["estimate"] + 4)
    large = {"token_sample__points": 12_000, "estimate__gride_range": 0}
    each = costs(**large).memory
    assert costs(workers=8, **large).memory > each  # clouds beside each other


def test_a_graph_grows_with_pairs_and_the_rest_with_points() -> None:
    linear = replace(RATES, clouds=replace(CLOUD, graph_pairs=0.0, signals=1.0))
    by_points = replace(linear, clouds=replace(linear.clouds, signals=0.0))
    assert costs(by_points).seconds["estimate"] == pytest.approx(1 + 160 * 2)
    longer = costs(linear).seconds["estimate"] - costs(by_points).seconds["estimate"]
    assert 80 < longer < 160  # products of rows double, eigenvalues stay


def test_disk_and_memory_are_those_of_the_stages_that_run() -> None:
    states, records = 4 * 12_288 * 576 * 8 * 5, 8 * 1024 * 31 * 98
    assert costs().disk == 4 * 14_000_000 + states + records
    assert costs().memory == 2_600_000_000
    later = costs(unchanged=STAGES[:3])
    assert set(later.seconds) == {"token-sample", "estimate", "aggregate"}
    assert later.disk == 0
    assert 600e6 < later.memory < 1.3e9


def test_the_line_names_the_stages_that_take_half_a_minute() -> None:
    seconds = {"data-prep": 5.0, "finetune": 360.0, "embed": 240.0, "aggregate": 58.0}
    told = line(Costs(seconds, 1_240_000_000, 2_960_000_000), "clock")
    assert told.startswith(
        "about 11 minutes on this machine (finetune 6, embed 4, aggregate 1.0), 1.2 GB of disk, "
        "3.0 GB of memory, "
    )
    assert line(Costs({"aggregate": 20.0}, 0, 0), "processor").startswith("about .3 processor min")


def test_what_experiments_share_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "refuse_absent", lambda *_: None)
    monkeypatch.setattr(module, "measured", lambda *_: RATES)
    sizes = [Experiment(f"L-{n}", {"estimate.n_neighbors": [n]}) for n in (64, 128)]
    alone, both = costs().seconds, costs().seconds | {"estimate": 2 * costs().seconds["estimate"]}
    both |= {name: 2 * alone[name] for name in ("token-sample", "aggregate")}
    assert (
        told_of_all(sizes) == f"{line(replace(costs(), seconds=both), 'clock')} (measured in 9 s)"
    )


def test_a_model_that_a_study_makes_is_measured_by_what_it_starts_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[str] = []

    def rates(raw: dict[str, Any], *_: object) -> Rates:
        measured.append(raw["model"]["name"])
        return RATES

    monkeypatch.setattr(module, "measured", rates)
    monkeypatch.setattr("lm_geometry.experiments.costs.here.is_here", lambda _: True)
    made = [Experiment("own", {"model.name": "minilm"}), Experiment("a", {"model.name": "own"})]
    assert told_of_all(made, {"own": "minilm"}).endswith("(measured in 9 s)")
    assert measured == ["minilm"]  # `own` is in no catalogue before the first has run


def test_too_many_models_are_not_measured() -> None:
    several = [Experiment(name, {"model.name": name}) for name in ("a", "b", "c", "d")]
    assert told_of_all(several) == (
        "time, disk and memory are not told: 4 models and ways to train them would have to be "
        "measured"
    )


def test_runs_one_after_another_need_the_memory_of_the_largest() -> None:
    parts = [Costs({"embed": 1.0}, 10, 30), Costs({"embed": 2.0, "aggregate": 1.0}, 5, 20)]
    assert together(parts) == Costs({"embed": 3.0, "aggregate": 1.0}, 15, 30)
