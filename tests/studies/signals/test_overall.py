"""The overall page says what the verdicts say, of simulated runs whose answer is known."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lm_geometry.signals import verdict
from lm_geometry.studies.signals.callback_rule import (
    CallbackRule,
    LeftOut,
    callback_rule,
    rule_in_words,
)
from lm_geometry.studies.signals.courses import ALONE, FamilyRuns
from lm_geometry.studies.signals.judged_families import JudgedFamilies
from lm_geometry.studies.signals.judging import Found, judge
from lm_geometry.studies.signals.overall import few_of_each, write_overall
from lm_geometry.studies.signals.overall_page import first_sentence, page
from lm_geometry.studies.signals.watching import watched
from tests.studies.signals.simulated_runs import simulated_runs, simulated_study

MISSING = "language_model: 40 of 128 runs are missing, such as 1-0-0.001-seed-3"


@cache
def families() -> JudgedFamilies:
    """Of grokking the local dimension tells, of the classifier it is noise; a third is missing."""
    runs = {
        name: FamilyRuns.of(study, simulated_runs(study, tells=name == "grokking"))
        for name in ("grokking", "classifier")
        for study in [simulated_study(name)]
    }
    found = {name: judge(one, draws=20) for name, one in runs.items()}
    return JudgedFamilies(runs, found, {"language_model": MISSING})


def judged(grokking: str, classifier: str) -> JudgedFamilies:
    """The same with verdicts exchanged, by name of the family that they are of."""
    found = families().found
    return replace(families(), found={"grokking": found[grokking], "classifier": found[classifier]})


def told(of: JudgedFamilies) -> str:
    rule = callback_rule(of.names, of.found)
    return page(of, few_of_each(of), rule, "Nothing of exhaustion.")


def test_the_first_sentence_says_where_the_local_dimension_is_refuted() -> None:
    sentence = first_sentence(families())
    assert told(families()).split("\n\n")[1] == sentence
    assert re.fullmatch(
        r"\*\*The mean local dimension does not tell that a model overfits \(classifier: it "
        r"detects no more than it lies, .*\); it tells that a model generalises \(grokking: no "
        r"test refutes it\)\.\*\*",
        sentence,
    )
    neither = first_sentence(judged("classifier", "classifier"))
    assert neither.startswith("**The mean local dimension does not tell that a model generalises (")
    assert "; nor that a model overfits (classifier: " in neither
    assert "no test refutes it" not in neither
    both = first_sentence(judged("grokking", "grokking"))
    assert "does not" not in both
    none = replace(families(), runs={}, found={}, missing={"grokking": "grokking: all"})
    assert first_sentence(none).startswith("**Not run yet")


def test_rates_and_thresholds_are_those_of_the_verdict() -> None:
    table = few_of_each(families()).set_index(["family", "signal"])
    for family, runs in families().runs.items():
        for signal in ("local_dimension", "training_loss", "weight_norm"):
            own = verdict(runs.courses(signal), runs.groups, draws=0)
            row = table.loc[(family, signal)]
            assert row["false_alarms"] == own.false_alarms.value
            assert row["false_alarms_upper"] == own.false_alarms.upper
            assert row["detected"] == own.detected.value
            assert row["threshold"] == own.threshold
        assert (family, ALONE) in table.index
    lines = [line for line in told(families()).splitlines() if line.startswith("| grokking | `loc")]
    assert len(lines) == 1
    shown = table.loc[("grokking", "local_dimension")]
    assert f"| {100 * shown['false_alarms']:.0f} [" in lines[0]
    assert lines[0].endswith("| 7.5 | none |")


def test_a_missing_family_is_named_with_what_is_missing() -> None:
    lines = told(families()).splitlines()
    assert [line for line in lines if "40 of 128 runs" in line] == [
        "- **Overfitting of a language model**: not whole yet: 40 of 128 runs are missing, such as "
        "1-0-0.001-seed-3."
    ]


def test_what_to_watch_passes_or_is_said_to_be_refuted() -> None:
    found = families().found
    best = watched(found["grokking"], "none")
    assert (best.signals[0], best.passes, best.alike) == ("local_dimension", True, ())
    assert not watched(found["classifier"], "none").passes
    text = told(families())
    assert "  - no labels: watch `local_dimension`: it tells 100 [100, 100] % before" in text
    assert "  - held-out labels: nothing to watch" in text


def test_a_rule_for_stopping_passes_in_every_family_of_overfitting() -> None:
    good, bad = families().found["grokking"], families().found["classifier"]
    names = ["classifier", "grokking", "language_model"]
    missing = callback_rule(names, {"grokking": good, "classifier": good})
    assert isinstance(missing, LeftOut)
    assert missing.reason.endswith("and language model is not judged yet")
    refuted = callback_rule(names, {"classifier": good, "language_model": bad})
    assert isinstance(refuted, LeftOut)
    assert "(classifier: `local_dimension`; language model: none)" in refuted.reason
    assert "`stop_on` is left out: no signal without labels passes" in rule_in_words(refuted)
    assert refuted.reason in told(
        replace(families(), found={"classifier": good, "language_model": bad}, missing={})
    )
    larger = _with_threshold(good, 2.0)
    rule = callback_rule(names, {"classifier": good, "language_model": larger})
    assert isinstance(rule, CallbackRule)
    own = good.verdicts["local_dimension"]
    assert rule.signals == ("local_dimension",)
    assert rule.threshold == own.threshold + 2.0
    assert rule.false_alarms.value == own.false_alarms / own.without_event
    assert f"exceeds {own.threshold + 2.0:.2f}" in rule_in_words(rule)


def _with_threshold(found: Found, more: float) -> Found:
    own = found.verdicts["local_dimension"]
    other = own._replace(threshold=own.threshold + more)
    return replace(found, verdicts={**found.verdicts, "local_dimension": other})


def test_a_second_writing_has_the_same_bytes(tmp_path: Path) -> None:
    written = [
        {path.name: path.read_bytes() for path in write_overall(families(), "None.", tmp_path / n)}
        for n in ("one", "other")
    ]
    assert written[0] == written[1]
    assert set(written[0]) == {"overall.csv", "overall.svg", "README.md"}


@pytest.mark.parametrize("labels", ["none", "training", "held_out"])
def test_signals_are_ordered_by_detection_within_a_class(labels: str) -> None:
    found = families().found["grokking"]
    names = watched(found, labels).signals  # pyright: ignore[reportArgumentType]
    rows = found.table.set_index("signal")
    assert set(rows.loc[list(names), "labels"]) <= {labels}
    assert (np.diff([rows.loc[name, "detected"] for name in names]) <= 0).all()
