"""The processes of one training run: what they agree on, tell each other, and wait for."""

from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist

Value = TypeVar("Value")


@dataclass(frozen=True)
class Processes:
    """This process, the `rank`-th of `count` that train one model; alone, nothing is told."""

    rank: int = 0
    count: int = 1
    group: dist.ProcessGroup | None = None  # of its own, on the CPU: of what is told, no gradients
    spread: bool = False  # whether each holds a share of the weights (FSDP2), not a copy (DDP)

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def agreed(self, value: Value) -> Value:
        """What the first process says, in all of them."""
        if self.count == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, src=0, group=self.group)
        return box[0]

    def gathered(self, value: Value) -> list[Value]:
        """What each of them says, by rank, in all of them."""
        if self.count == 1:
            return [value]
        found = [value] * self.count
        dist.all_gather_object(found, value, group=self.group)
        return found

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            dist.barrier(group=self.group)


ALONE = Processes()
