"""How the cells of a plan stand, in numbers and lines."""

import time
from collections import Counter

from lm_geometry.experiments.executors.plan import Event, Plan

WORDS = {"done": "done", "began": "running", "waiting": "waiting", "failed": "failed"}
LISTED = 20  # cells of a kind that are named, without being asked for all


def standing(plan: Plan, every: bool = False) -> str:
    """A line of numbers, then each cell that failed or runs; with `every` the others, too.

    One that was lost with its worker waits. One that `began` may have been ended with all else: it
    is told since when, and by what.
    """
    events = plan.events()
    states = {cell.name: _state(cell.is_done(), events.get(cell.name)) for cell in plan.cells}
    counts = Counter(states.values())
    parts = [f"{counts[state]:,} {word}" for state, word in WORDS.items() if counts[state]]
    lines = [f"{plan.stage}: {len(plan.cells):,} cells, {', '.join(parts)}"]
    for state, word in WORDS.items():
        names = [name for name, own in states.items() if own == state]
        shown = names if every or state == "failed" else names[:LISTED] * (state == "began")
        lines += [f"  {word:8}{name}{_told(events.get(name), state)}" for name in shown]
        if state == "began" and len(shown) < len(names):
            lines.append(f"  and {len(names) - len(shown):,} more; --all lists every cell")
    return "\n".join(lines)


def _state(is_done: bool, event: Event | None) -> str:
    if is_done:
        return "done"
    if event is None or event.state == "lost":
        return "waiting"
    return "failed" if event.state == "failed" else "began"


def _told(event: Event | None, state: str) -> str:
    if event is None:
        return ""
    if event.state in ("failed", "lost") and state != "done":
        return f"  {event.why}"
    if state == "began":
        return f"  for {time.time() - event.at:.0f} s, {event.by}"
    return ""
