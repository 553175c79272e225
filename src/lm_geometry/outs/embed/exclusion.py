"""Readings of a cloud, by name: whose tokens do not count as neighbours of each other."""

KINDS = {"sequence": "sequence", "document": "document", "token": "token_id"}  # their columns
NONE = "none"  # the reading of which no neighbour is left out, as published


def kinds_of(exclude: str) -> list[str]:
    """The kinds that a reading leaves out: `document+token` has two, `none` has none.

    Raises ValueError for a name that is none of them, or that comes twice.
    """
    if exclude == NONE:
        return []
    kinds = exclude.split("+")
    if not set(kinds) <= set(KINDS) or len(set(kinds)) < len(kinds):
        raise ValueError(f"{exclude!r} is neither none nor {', '.join(KINDS)}, some joined by +")
    return kinds
