"""What is told of the runs of the study `exhaustion`, in studies/results/signals/exhaustion."""

from collections.abc import Iterator
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from lm_geometry.aggregate.grouped_rows import cells
from lm_geometry.figures import theme
from lm_geometry.figures.export import render
from lm_geometry.studies.signals.callback_rule import words
from lm_geometry.studies.signals.exhaustion import READ, SETTING, Exhaustion
from lm_geometry.studies.signals.report import as_csv, write_files

FIRST = ("local_dimension, trained turns", "local_dimension", "training_loss", "weight_norm")
ROW, WIDTH = 19, 420


def write_exhaustion(told: Exhaustion, folder: Path) -> list[Path]:
    """`events.csv`, `alarms.csv`, `alarms.svg` and `README.md`, in `folder`."""
    files = {"events.csv": as_csv(told.events), "alarms.csv": as_csv(told.alarms)}
    files["alarms.svg"] = render(figure(told))["svg"]
    files["README.md"] = page(told).encode()
    return write_files(files, folder)


def in_words(told: Exhaustion) -> str:
    """What the overall page says: alarms, of how many runs, without rates."""
    return (
        f"{_alarms_in_words(told)} {_runs_in_words(told)} "
        "[Run by run](exhaustion/README.md), of the study [exhaustion](../exhaustion/README.md)."
    )


def _runs_in_words(told: Exhaustion) -> str:
    last = told.events["last"].iloc[0]
    return (
        f"In {len(_ended(told.events))} of {len(told.events)} runs less than 5 % of the whole gain "
        f"of the held-out joint goal was left before the last measured step, {last:.0f}; in the "
        "others it still gained then."
    )


def _alarms_in_words(told: Exhaustion) -> str:
    if not told.thresholds_of:
        return "No alarm is told yet: no family of overfitting is whole, to give thresholds."
    ended = _ended(told.events)
    each = "; ".join(f"`{name}` in {_alarmed(told, name, ended)}" for name in FIRST)
    return (
        "Alarms before training was exhausted, in runs that were so before their end and in those "
        f"that still gained: {each}."
    )


def _ended(events: pd.DataFrame) -> set[str]:
    """Runs that were exhausted before their last measured step."""
    return set(events.loc[events["event"] < events["last"], "run"])


def _alarmed(told: Exhaustion, signal: str, ended: set[str]) -> str:
    own = told.alarms[(told.alarms["signal"] == signal) & (told.alarms["lead"] > 0)]
    before = len(ended & set(own["run"]))
    return f"{before} of {len(ended)} and {len(own) - before} of {len(told.events) - len(ended)}"


def page(told: Exhaustion) -> str:
    """The page: what was found, the first alarms of every run, and where thresholds come from."""
    parts = [
        "# Exhaustion, run by run",
        f"**{_alarms_in_words(told)}** {_runs_in_words(told)}",
        "The runs are those of the study [exhaustion](../../exhaustion/README.md). Computed by "
        "`lm-geometry study signals/exhaustion`, which makes none; do not edit. A dozen runs of "
        "settings that differ have no rates.",
        "Step of the event, and of the first alarm, of the runs of each setting (–: none). An "
        "event at the last measured step is that of a run which gained to its end.",
        "\n".join(_table(told)),
        _thresholds_in_words(told),
        "![how near each run came to an alarm](alarms.svg)",
        "`events.csv` and `alarms.csv` have every number. "
        "[The protocol](../../../../docs/signals-protocol.md).",
    ]
    return "\n\n".join(parts) + "\n"


def _thresholds_in_words(told: Exhaustion) -> str:
    measured = (
        "Scores are those of the protocol's rule. It waits for five changes, so that runs which "
        f"were measured so few times have scores at their last steps alone, of {told.reach:g} at "
        "most; and steps that lie further and further apart make later changes larger."
    )
    if not told.thresholds_of:
        return f"{measured} Thresholds will be those of the families of overfitting."
    names = " and ".join(words(name) for name in told.thresholds_of)
    limits = told.alarms.drop_duplicates("signal")["threshold"].to_numpy(np.float64)
    out = int((limits >= told.reach).sum())
    return (
        f"{measured} A threshold is that of the runs without the event of {names}, as in the "
        "protocol, each thinned to measurements at the same shares of its budget, since a score "
        "sums over measurements and grows with their number. No threshold has seen a run of this "
        f"study. {out} of {len(limits)} are no less than the largest score that there can be, "
        "so that no run could have alarmed."
    )


def _table(told: Exhaustion) -> Iterator[str]:
    """The event and the first alarm by signal and setting, run by run."""
    settings = list(cells(told.events, SETTING))
    titles = [_setting(*keys) for keys, _ in settings]
    yield f"| | {' | '.join(titles)} |"
    yield f"|{'---|' * (len(titles) + 1)}"
    events = (_steps(pd.Series(rows["event"])) for _, rows in settings)
    yield f"| *joint goal exhausted* | {' | '.join(events)} |"
    for signal in READ if told.thresholds_of else ():
        own = told.alarms.loc[told.alarms["signal"] == signal]
        alarms = (_steps(pd.Series(rows["alarm"])) for _, rows in cells(own, SETTING))
        yield f"| {signal} | {' | '.join(alarms)} |"


def _setting(schedule: object, turns: object) -> str:
    return f"{str(schedule).replace('_', ' ')}, {turns} turns"


def _steps(values: pd.Series) -> str:
    return ", ".join(f"{value:.0f}" if np.isfinite(value) else "–" for value in values)


def figure(told: Exhaustion) -> alt.VConcatChart:
    """The largest score before the event, a point a run, with the threshold where there is one."""
    data = told.alarms[["signal", "largest", "threshold", "run"]].assign(
        setting=[_setting(*key) for key in told.alarms[SETTING].to_numpy()]
    )
    settings = list(dict.fromkeys(data["setting"]))
    finite = data.replace([np.inf, -np.inf], np.nan).astype(object)
    values = alt.InlineData(values=finite.where(finite.notna(), None).to_dict(orient="records"))
    y = alt.Y("signal:N", sort=list(READ), title=None, axis=alt.Axis(labelLimit=320))
    x = alt.X("largest:Q", title="largest score before the event")
    colours = alt.Scale(domain=settings, range=theme.CORPUS_COLOURS[: len(settings)])
    base = alt.Chart(values, width=WIDTH, height=ROW * len(READ)).encode(y=y)
    points = base.mark_point(filled=True, size=45, opacity=0.8).encode(
        x=x, color=alt.Color("setting:N", title=None, scale=colours)
    )
    limits = base.transform_filter("isValid(datum.threshold)").mark_tick(
        thickness=2, size=ROW - 4, color=theme.INK
    )
    says = ["A point a run. Strokes: thresholds, which a score must exceed for an alarm."]
    title = alt.Title("How near each run came to an alarm before exhaustion", subtitle=says)
    chart = alt.layer(points, limits.encode(x="threshold:Q"))
    return alt.vconcat(chart, title=title).configure(**theme.config())
