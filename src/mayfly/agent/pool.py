"""The warm pool: machines that are up and have rehearsed before a job asks for them.

A driver around a driver. It remembers which machines were wanted lately and keeps a few of each
waiting, made from room that no job has. A waiting machine knows of no job and no forge; it gets its
job, new entropy and the time as a fresh one does. Jobs go first: memory is given back before the
machine of a job starts, and none is made for the pool while the processors are promised.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mayfly.agent.pooled import Given, Kind, Place
from mayfly.domain.errors import MayflyError
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, Report, silent
from mayfly.system.changes import Changes
from mayfly.system.tasks import stop

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """`each`: how many of a kind may wait, if as many were wanted within `recent_s`.

    `max_age_s` bounds how old what a machine took on at its start may be (the host's addresses,
    which its network refuses it). `calm_s` after a job's start nothing is made, `rest_s` after a
    failure; `tick_s` is how often room is looked for. A rehearsal may take `rehearsal_s`.
    """

    each: int = 2
    recent_s: float = 1800.0
    max_age_s: float = 600.0
    calm_s: float = 1.0
    rest_s: float = 60.0
    tick_s: float = 1.0
    rehearsal_s: float = 120.0


class Pool:
    """A `MachineDriver`; what it promises besides:

    `start` gives a machine that waits, if there is one of this spec and network policy, else starts
    one. `close` destroys all that wait and closes the driver within; concurrent calls are as safe
    as the driver's, and a cancelled call leaves nothing.
    """

    def __init__(
        self,
        driver: MachineDriver,
        spare: Callable[[], Capacity],
        settings: PoolSettings | None = None,
    ):
        """`spare` is the room that no job has or was promised, the pool's own not deducted."""
        self._driver = driver
        self._spare = spare
        self._settings = settings or PoolSettings()
        self._wanted: dict[Kind, deque[float]] = {}
        self._places: list[Place] = []
        self._quiet_until = 0.0
        self._changes = Changes()
        self._refilling: asyncio.Task[None] | None = None
        self.hits = 0
        self.misses = 0

    @property
    def name(self) -> str:
        return self._driver.name

    @property
    def waiting(self) -> list[MachineSpec]:
        """Of what machines are ready to be taken."""
        return [place.spec for place in self._places if place.ready]

    async def prepare(self, spec: MachineSpec, report: Report = silent) -> None:
        await self._driver.prepare(spec, report)

    async def start(self, spec: MachineSpec, start: MachineStart) -> Machine:
        kind = (spec, start.network)
        self._note(kind)
        self._leave_processors()
        for place in self._places:
            if place.ready and place.kind == kind:
                self.hits += 1
                self._places.remove(place)
                return Given(place.take(), start)
        self.misses += 1
        await self._leave_memory()
        return await self._driver.start(spec, start)

    async def reap(self) -> list[str]:
        return await self._driver.reap()

    async def close(self) -> None:
        try:
            await stop(self._refilling, *(place.task for place in self._places))
        finally:
            await self._driver.close()

    def _note(self, kind: Kind) -> None:
        now = asyncio.get_running_loop().time()
        self._wanted.setdefault(kind, deque(maxlen=self._settings.each)).append(now)
        self._be_quiet(self._settings.calm_s)
        self._changes.announce()
        if self._refilling is None:
            self._refilling = asyncio.create_task(self._refill())

    def _be_quiet(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        self._quiet_until = max(self._quiet_until, until)

    def _leave_processors(self) -> None:
        """Give up what is being made where jobs have all processors now; waiting takes none."""
        for place in self._places:
            if not place.ready and place.spec.vcpus > self._spare().cpu:
                place.task.cancel()

    async def _leave_memory(self) -> None:
        """Destroy as many as no longer fit beside the jobs: what is not ready first, then old."""
        kept = sorted(self._places, key=lambda place: (place.ready, self._last_wanted(place.kind)))
        victims = []
        while kept and not self._fit(place.spec for place in kept):
            victims.append(kept.pop(0))
        await stop(*(victim.task for victim in victims))

    async def _refill(self) -> None:
        """Makes one machine at a time, for as long as the pool is open."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(0.0, self._quiet_until - loop.time()))
            if loop.time() < self._quiet_until:
                continue
            lacking = self._lacking()
            fitting = [kind for kind in lacking if self._room_for(kind[0])]
            if fitting:
                await self._fill(fitting[0])
            else:
                await self._changed(self._settings.tick_s if lacking else None)

    async def _fill(self, kind: Kind) -> None:
        """Returns when the machine is ready, was taken or was given up."""
        place = Place(
            self._driver,
            kind,
            self._changes.announce,
            rehearsal_s=self._settings.rehearsal_s,
            max_age_s=self._settings.max_age_s,
        )
        self._places.append(place)
        place.task.add_done_callback(lambda task: self._left(place, task))
        while place in self._places and not place.ready:
            await self._changes.wait()

    def _left(self, place: Place, task: "asyncio.Task[None]") -> None:
        if place in self._places:  # else it was taken
            self._places.remove(place)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            known = isinstance(error, MayflyError)
            _log.warning("no warm machine: %s", error, exc_info=None if known else error)
            self._be_quiet(self._settings.rest_s)
        self._changes.announce()

    def _lacking(self) -> list[Kind]:
        """Kinds of which more should wait, the most needed first."""
        oldest = asyncio.get_running_loop().time() - self._settings.recent_s
        found = []
        for kind, times in list(self._wanted.items()):
            while times and times[0] < oldest:
                times.popleft()
            if not times:
                del self._wanted[kind]
                continue
            there = sum(place.kind == kind for place in self._places)
            if there < len(times):
                found.append((there, -times[-1], kind))
        return [kind for *_, kind in sorted(found, key=lambda entry: entry[:2])]

    def _room_for(self, spec: MachineSpec) -> bool:
        """Whether one more could be made."""
        served = self._spare().cpu >= spec.vcpus
        return served and self._fit((*(place.spec for place in self._places), spec))

    def _fit(self, specs: Iterable[MachineSpec]) -> bool:
        return sum(spec.memory_mib for spec in specs) <= self._spare().memory_mib

    def _last_wanted(self, kind: Kind) -> float:
        times = self._wanted.get(kind)
        return times[-1] if times else 0.0

    async def _changed(self, patience_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._changes.wait()
