"""An audit in words."""

from collections.abc import Sequence

from lm_geometry.remotes.audit import Audit, Fault
from lm_geometry.remotes.sizes import Changed

SHOWN = 20  # faults that are named one by one
IN_CACHE = "delete these, and `dvc checkout` brings back what dvc.lock names"
IN_REMOTE = "delete these, and `lm-geometry pull` brings back what dvc.lock names"
NOWHERE = (
    "these are of another run than that of dvc.lock, whose own are whole in no place that was "
    "looked at: `dvc repro` makes them"
)


def summary(found: Audit) -> str:
    """How many objects are whole in each place, and what is left to push and pull."""
    lines = []
    for place in found.places:
        looked_up = found.seen[place.name]
        whole = sum(found.whole(place, oid) for oid in looked_up)
        lines.append(f"{place.name}: {whole} of {len(looked_up)} objects are whole")
    for items, command in (
        (found.to_push, "lm-geometry push"),
        (found.to_pull, "lm-geometry pull"),
    ):
        if items:
            outs = ", ".join(sorted({item.out.path for item in items}))
            number = len({item.oid for item in items})
            lines.append(f"to be moved by `{command}`: {number} of {outs}")
    return "\n".join(lines)


def named(faults: Sequence[Fault | Changed | str]) -> list[str]:
    """A line for each fault, as long as there are not too many."""
    more = [f"… and {len(faults) - SHOWN} more"] if len(faults) > SHOWN else []
    return [*map(str, faults[:SHOWN]), *more]


def named_changed(found: Audit, files: Sequence[Changed]) -> list[str]:
    """Lines for what is changed in the workspace: whatever can be brought back, and by which
    command, and last what may be the only copy of its kind, which nobody is told to delete."""
    by_advice: dict[str, list[Changed]] = {IN_CACHE: [], IN_REMOTE: [], NOWHERE: []}
    for file in files:
        # of a folder DVC reads the listing first
        needed = {file.item.oid, file.item.out.oid}
        whole = [all(found.whole(place, oid) for oid in needed) for place in found.places]
        advice = IN_CACHE if whole[0] else IN_REMOTE if any(whole) else NOWHERE
        by_advice[advice].append(file)
    return [line for advice, of in by_advice.items() if of for line in (*named(of), advice)]
