"""An audit in words."""

from collections.abc import Sequence

from lm_geometry.remotes.audit import Audit, Fault
from lm_geometry.remotes.sizes import Changed

SHOWN = 20  # faults that are named one by one


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
