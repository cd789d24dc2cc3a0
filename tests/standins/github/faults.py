"""What goes wrong at the stand-in, when a test turns it on. All odds are 0…1, all times seconds."""

import asyncio
import random
from dataclasses import dataclass, field


@dataclass
class Refusal:
    """The next `times` requests of that method, whose path holds `part`, get this answer instead.

    With `done` the request is carried out nevertheless: its answer got lost.
    """

    method: str
    part: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    times: int = 1
    done: bool = False


@dataclass
class Faults:
    """Everything is off at first."""

    webhook_fails: float = 0.0
    """Not sent; GitHub lists it as failed."""
    webhook_lost: float = 0.0
    """Not sent, and not even listed."""
    webhook_twice: float = 0.0
    webhook_delay: tuple[float, float] = (0.0, 0.0)
    """Between these, at random: that is what brings them out of order."""

    busy_lies: float = 0.0
    """A runner that works is listed as idle."""
    delete_while_busy: bool = False
    """DELETE removes a runner in the middle of its job, which goes on."""
    list_lag: float = 0.0
    """Lists show what was registered so long ago."""
    registration_vanishes: float = 0.0
    """It is gone as soon as it has been made."""
    evict_idle_after: float | None = None
    """A runner without a job is removed."""
    too_old: set[str] = field(default_factory=set)
    """Versions of the runner that get no more jobs: they end with code 7."""

    latency: tuple[float, float] = (0.0, 0.0)
    """Each REST request takes as long, at random between these."""
    trouble: float = 0.0
    """502 instead of an answer; in half of the cases the request has been carried out."""
    refusals: list[Refusal] = field(default_factory=list)

    async def lag(self, rng: random.Random) -> None:
        if self.latency[1] > 0:
            await asyncio.sleep(rng.uniform(*self.latency))

    def refusal(self, method: str, path: str) -> Refusal | None:
        """The one that fits, used up once."""
        for refusal in self.refusals:
            if refusal.times > 0 and refusal.method == method and refusal.part in path:
                refusal.times -= 1
                return refusal
        return None
