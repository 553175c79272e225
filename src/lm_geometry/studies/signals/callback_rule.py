"""By what rule a callback may stop a training, as it follows from verdicts, or why by none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_geometry.signals.thresholds import Rate, rate
from lm_geometry.studies.signals.judging import Found
from lm_geometry.studies.signals.known_families import family_named
from lm_geometry.studies.signals.watching import share_of_lies

STOPS = "overfits"  # what happens in families that a rule for stopping must pass


@dataclass(frozen=True)
class CallbackRule:
    """A rule on a signal without labels, at its `threshold`, and what it is known to do.

    - `signals`: all that no test refutes in any family of overfitting, which `stop_on` may name;
      the first, whose least detection is the largest, is the default
    - `threshold`: the larger of the families', for runs to come
    - `false_alarms`, in `family`: of the one in which it lies more often
    """

    signals: tuple[str, ...]
    threshold: float
    family: str
    false_alarms: Rate


@dataclass(frozen=True)
class LeftOut:
    """No rule is offered, for this reason."""

    reason: str


def callback_rule(families: Sequence[str], found: Mapping[str, Found]) -> CallbackRule | LeftOut:
    """The rule that follows from the families `found` of all `families`.

    It is left out where a family of overfitting is not judged yet, and where no signal without
    labels passes in all of them.
    """
    needed = [name for name in families if family_named(name).happens == STOPS]
    if not needed:
        return LeftOut("there is no family of overfitting")
    if absent := [words(name) for name in needed if name not in found]:
        return LeftOut(f"a rule must pass in every family of overfitting, and {_is(absent)}")
    passing = [_passing(found[name]) for name in needed]
    kept = [name for name in passing[0] if all(name in others for others in passing)]
    if not kept:
        each = zip(needed, passing, strict=True)
        told = "; ".join(
            f"{words(name)}: {', '.join(f'`{one}`' for one in own) or 'none'}" for name, own in each
        )
        return LeftOut(f"no signal without labels passes in every family of overfitting ({told})")

    def least(name: str) -> float:
        return min(found[one].verdicts[name].numbers["detected"].value for one in needed)

    kept.sort(key=lambda name: (-least(name), name))
    own = {one: found[one].verdicts[kept[0]] for one in needed}
    worst = max(needed, key=lambda one: share_of_lies(own[one]))
    false = rate(own[worst].false_alarms, own[worst].without_event)
    return CallbackRule(tuple(kept), max(v.threshold for v in own.values()), worst, false)


def rule_in_words(rule: CallbackRule | LeftOut) -> str:
    """What the callback may offer, in two sentences."""
    if isinstance(rule, LeftOut):
        return (
            "It has no default rule, states no false-alarm rate, and `stop_on` is left out: "
            f"{rule.reason}."
        )
    false = rule.false_alarms
    names = ", ".join(f"`{name}`" for name in rule.signals)
    return (
        f"Default rule: an alarm where the score of `{rule.signals[0]}` exceeds "
        f"{rule.threshold:.2f}, the largest threshold of the families of overfitting; it states a "
        f"false-alarm rate of {100 * false.value:.0f} % [{100 * false.lower:.0f}, "
        f"{100 * false.upper:.0f}], that of the family in which it lies most ({words(rule.family)})"
        f". `stop_on` may name {names}, which no test refutes in any of them."
    )


def words(family: str) -> str:
    """A family's name as it is read."""
    return family.replace("_", " ")


def _is(absent: Sequence[str]) -> str:
    return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not judged yet"


def _passing(found: Found) -> list[str]:
    unlabelled = found.table.loc[found.table["labels"] == "none", "signal"].tolist()
    return [name for name in unlabelled if not found.refuted[name]]
