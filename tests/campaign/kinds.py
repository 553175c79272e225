"""The kinds of trials, how many there are of each, and how they are made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.campaign.clouds import estimates
from tests.campaign.faults.attacks import ATTACKS
from tests.campaign.faults.rows import trials as of_rows
from tests.campaign.faults.table import FAULTS
from tests.campaign.ground import Ground
from tests.campaign.kills import of_studies
from tests.campaign.kills.killing import trials as of_kills
from tests.campaign.kills.of_stages import OfKeep, OfShards, OfStages
from tests.campaign.kills.of_toys import OfToys
from tests.campaign.parameters import checked, staged
from tests.campaign.trials import Trial

Make = Callable[[Ground, list[int]], Iterator[Trial]]


@dataclass(frozen=True)
class Kind:
    """Trials of one kind."""

    group: str  # by which it runs alone
    name: str
    number: int
    make: Make
    missing: Callable[[], str] = str  # why there can be none here; empty where there can


def _of_toys(name: str, from_shell: bool = False) -> Make:
    def make(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
        kind = f"{name}, from the shell" if from_shell else name
        environment = ground.shell if from_shell else ground.environment
        victim = OfToys(kind, name, ground.toy)
        return of_kills(victim, numbers, ground.seed, environment, ground.place(kind))

    return make


def _stages(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    victim = OfStages("stages", ground.study, in_a_row=3)
    place = ground.place(victim.kind)
    return of_kills(victim, numbers, ground.seed, ground.environment, place)


def _stages_from_the_shell(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    victim = OfStages("stages, from the shell", ground.study, in_a_row=2)
    return of_kills(victim, numbers, ground.seed, ground.shell, ground.place(victim.kind))


def _shards(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    victim = OfShards("shards", ground.finished, in_a_row=2)
    place = ground.place(victim.kind)
    return of_kills(victim, numbers, ground.seed, ground.environment, place)


def _keep(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    victim = OfKeep("keep", ground.finished, in_a_row=2)
    place = ground.place(victim.kind)
    return of_kills(victim, numbers, ground.seed, ground.environment, place)


def _of_studies(kind: str) -> Make:
    def make(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
        place = ground.place(kind)
        return of_studies.trials(kind, numbers, ground.seed, ground.environment, place)

    return make


def _slurm(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    from tests.one_node_slurm import one_node_slurm

    place = ground.place("Slurm jobs")
    with one_node_slurm(ground.folder / "slurm") as variables:
        own = {**ground.environment, **variables}
        yield from of_studies.trials("Slurm jobs", numbers, ground.seed, own, place)


def _no_slurm() -> str:
    from tests.one_node_slurm import missing

    return missing()


def _faults(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    return of_rows("faults", FAULTS, numbers, ground.place("faults"))


def _attacks(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    return of_rows("attacks", ATTACKS, numbers, ground.place("attacks"))


def _checked(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    return checked.trials(numbers, ground.seed, ground.place(checked.KIND))


def _staged(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    place = ground.place(staged.KIND)
    return staged.trials(numbers, ground.seed, ground.finished, ground.environment, place)


def _clouds(ground: Ground, numbers: list[int]) -> Iterator[Trial]:
    return estimates.trials(numbers, ground.seed)


KINDS = (
    Kind("clouds", estimates.KIND, 10_000, _clouds),
    Kind("parameters", checked.KIND, 1000, _checked),
    Kind("kills", "DVC: repro", 12, _of_toys("DVC: repro")),
    Kind("kills", "DVC: commit", 12, _of_toys("DVC: commit")),
    Kind("kills", "DVC: checkout", 10, _of_toys("DVC: checkout")),
    Kind("kills", "push", 12, _of_toys("push")),
    Kind("kills", "push, from the shell", 4, _of_toys("push", from_shell=True)),
    Kind("kills", "pull", 12, _of_toys("pull")),
    Kind("kills", "stages", 24, _stages),
    Kind("kills", "stages, from the shell", 4, _stages_from_the_shell),
    Kind("kills", "shards", 8, _shards),
    Kind("kills", "keep", 8, _keep),
    Kind("kills", "study", 6, _of_studies("study")),
    Kind("kills", "queue", 4, _of_studies("queue")),
    Kind("kills", "Slurm jobs", 4, _slurm, _no_slurm),
    Kind("parameters", staged.KIND, 100, _staged),
    Kind("faults", "faults", len(FAULTS), _faults),
    Kind("attacks", "attacks", len(ATTACKS), _attacks),
)
GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS))
