"""Whether the cache and a remote hold what dvc.lock names, every object read from end to end."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from lm_geometry.remotes.objects import Item, items_of, outs_of
from lm_geometry.remotes.places import Place, Seen, cache_of, remote_of
from lm_geometry.remotes.sizes import unlike

if TYPE_CHECKING:
    from dvc.repo import Repo

Kind = Literal["missing", "truncated", "corrupted"]


@dataclass(frozen=True)
class Fault:
    """An object that is not as it must be in a place, and that neither push nor pull mends."""

    item: Item
    place: Place
    kind: Kind
    size: int = 0

    def __str__(self) -> str:
        of = f" of {self.item.out.path}" if self.item.path != self.item.out.path else ""
        size = "" if self.kind == "missing" else f", {self.size:,} bytes"
        where = f"{self.kind} in the {self.place.name}"
        return f"{where}: {self.item}{of}, made by {self.item.out.stage}{size}"


@dataclass(frozen=True)
class Audit:
    """What an audit found: `seen` by place and object, the faults, and what is left to move."""

    cache: Place
    remote: Place | None
    items: list[Item]
    seen: dict[str, dict[str, Seen | None]]
    faults: list[Fault] = field(default_factory=list)
    to_pull: list[Item] = field(default_factory=list)
    to_push: list[Item] = field(default_factory=list)

    @property
    def places(self) -> list[Place]:
        """The cache, and the remote unless it was left out."""
        return [self.cache] if self.remote is None else [self.cache, self.remote]

    def whole(self, place: Place, oid: str) -> bool:
        """Whether the place has the object, as its name says."""
        seen = self.seen[place.name].get(oid)
        return seen is not None and seen.is_whole(oid)


def audit(
    repo: "Repo",
    with_remote: bool = True,
    remote: str | None = None,
    quick: bool = False,
    targets: list[str] | None = None,
) -> Audit:
    """Every object of the project's outs, looked up in the cache and in a remote.

    Missing from the cache but whole in the remote is no fault but `to_pull`; missing from the
    remote but whole in the cache is `to_push`, unless the listing of its folder is in the remote:
    `dvc push` then takes the folder for pushed. `quick` looks whether objects are there, and reads
    those of outs that have another size than dvc.lock says.
    """
    cache = cache_of(repo)
    far = remote_of(repo, remote) if with_remote else None
    places = [cache] if far is None else [cache, far]
    items = [item for out in outs_of(repo, targets or []) for item in items_of(out, places)]
    pushed = [item for item in items if item.out.pushed]
    seen = {cache.name: cache.all_seen({item.oid for item in items}, quick)}
    if far is not None:
        seen[far.name] = far.all_seen({item.oid for item in pushed}, quick)
    for place in places if quick else []:
        seen[place.name] |= place.all_seen(unlike(items, seen[place.name]))
    found = Audit(cache, far, items, seen)
    for item in items:
        _judge(found, item)
    return found


def _judge(found: Audit, item: Item) -> None:
    somewhere = any(seen.get(item.oid) for seen in found.seen.values())
    elsewhere = any(found.whole(place, item.oid) for place in found.places)
    for place in found.places:
        if found.whole(place, item.oid) or (place is found.remote and not item.out.pushed):
            continue
        seen = found.seen[place.name].get(item.oid)
        if seen is not None:
            found.faults.append(Fault(item, place, _damage(found, seen, item), seen.size))
        elif _is_thought_pushed(found, item) if place is found.remote else not somewhere:
            found.faults.append(Fault(item, place, "missing"))
        elif elsewhere:
            (found.to_pull if place is found.cache else found.to_push).append(item)


def _is_thought_pushed(found: Audit, item: Item) -> bool:
    """Whether `dvc push` takes it for pushed, because the listing of its folder is there."""
    listing = found.seen[found.places[-1].name].get(item.out.oid)
    return item.out.is_folder and not item.is_listing and listing is not None


def _damage(found: Audit, seen: Seen, item: Item) -> Kind:
    """Truncated where the right size is known and larger; else corrupted."""
    whole = [found.seen[p.name][item.oid] for p in found.places if found.whole(p, item.oid)]
    sizes = [item.size] if item.size is not None else [other.size for other in whole if other]
    return "truncated" if seen.size == 0 or seen.size < max(sizes, default=0) else "corrupted"
