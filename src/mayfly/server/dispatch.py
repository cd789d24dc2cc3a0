"""Gives queued jobs to hosts that ask: all that wait are served in one serial transaction.

Claims of many hosts thus cost one decision each, not one transaction each, and news of the queue
wake one task, not every host. Who takes several jobs at once is given one after the other, in turns
with the others that wait, so that nobody is filled while others are empty.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import MayflyError
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity, less, vcpus
from mayfly.protocol.fleet import Assignment, Given, Lease
from mayfly.server.jobs import Jobs
from mayfly.server.scheduler import Scheduler
from mayfly.store.base import QUEUE, Store, Tx
from mayfly.store.rows import JobRow, LeaseRow, RunRow, SessionRow, SpecRow
from mayfly.system.tasks import first, stop


class SessionOver(MayflyError):
    """The session has ended; what ran in it was given away."""


@dataclass(eq=False, slots=True)
class _Asking:
    """A host that waits; `new` until it was looked at once."""

    session: str
    host: str
    free: Capacity
    held: frozenset[Lease]
    most: int
    answer: "asyncio.Future[tuple[Given, ...]]"
    new: bool = True


_Found = tuple[Given, ...] | SessionOver


class Dispatch:
    """Used from one event loop; keeps a task only while somebody waits."""

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        scheduler: Scheduler,
        now: Callable[[], float],
        *,
        timed: Callable[[], AbstractContextManager[object]] = nullcontext,
    ):
        """`timed` surrounds each decision of who gets what."""
        self._store = store
        self._timed = timed
        self._jobs = jobs
        self._scheduler = scheduler
        self._now = now
        self._asking: dict[str, _Asking] = {}
        self._newcomer = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def claim(
        self,
        session: str,
        host: str,
        free: Capacity,
        held: frozenset[Lease],
        patience_s: float | None,
        *,
        most: int,
    ) -> tuple[Given, ...]:
        """See `server.hosts.Hosts.claim`."""
        answer: asyncio.Future[tuple[Given, ...]] = asyncio.get_running_loop().create_future()
        asking = _Asking(session, host, free, held, most, answer)
        self._asking[session] = asking
        self._newcomer.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        try:
            async with asyncio.timeout(patience_s):
                return await answer
        except TimeoutError:
            return ()
        finally:
            # An answer that comes now is given again when the session asks next.
            if self._asking.get(session) is asking:
                del self._asking[session]
            if not self._asking:
                # Who asks while this one ends needs another.
                serving, self._serving = self._serving, None
                await stop(serving)

    async def _serve(self) -> None:
        watch = self._store.watch(QUEUE)
        try:
            while self._asking:
                self._newcomer.clear()
                asking = list(self._asking.values())
                await self._answer(asking)
                if self._asking:
                    await first(watch.wait(), self._newcomer.wait())
        finally:
            watch.close()

    async def _answer(self, asking: list[_Asking]) -> None:
        """Serve whom there is something for; whatever fails is told to all."""
        served: dict[_Asking, tuple[Given, ...] | Exception] = {}
        try:
            served |= await self._store.serial(lambda tx: self._match(tx, asking))
        except Exception as error:  # noqa: BLE001 (theirs to handle)
            served |= dict.fromkeys(asking, error)
        for one in asking:
            one.new = False
        for one, found in served.items():
            if self._asking.get(one.session) is one:
                del self._asking[one.session]
            if one.answer.done():
                continue
            if isinstance(found, Exception):
                one.answer.set_exception(found)
            else:
                one.answer.set_result(found)

    def _match(self, tx: Tx, asking: list[_Asking]) -> dict[_Asking, _Found]:
        with self._timed():
            return self._decide(tx, asking)

    def _decide(self, tx: Tx, asking: list[_Asking]) -> dict[_Asking, _Found]:
        """For whom there is something."""
        self._scheduler.catch_up(tx)
        served: dict[_Asking, _Found] = {}
        for one in asking:
            if one.new and (found := _for_newcomer(tx, one)):
                served[one] = found
        hungry = [_Serving(one, one.free) for one in asking if one not in served]
        while hungry:
            hungry = [serving for serving in hungry if self._serve_one(tx, serving)]
            served |= {serving.asking: serving.found for serving in hungry}
            hungry = [serving for serving in hungry if not serving.full]
        return served

    def _serve_one(self, tx: Tx, serving: "_Serving") -> bool:
        """Whether there was something more for it."""
        one = serving.asking
        chosen = self._scheduler.choose(tx, one.host, serving.free)
        if chosen is None:
            return False
        if not serving.given and (over := _over(tx, one)):
            serving.over = over  # while it waited, and another session keeps the host online
            return True
        given = self._give(tx, one, *chosen)
        serving.given.append(given)
        serving.free = less(serving.free, given.assignment.cpu, given.assignment.memory_mib)
        return True

    def _give(self, tx: Tx, one: _Asking, row: JobRow, architecture: Architecture) -> Given:
        run = tx.get(RunRow, row.run)
        assert run is not None  # jobs have a run
        attempt = row.attempt + 1
        moved = self._jobs.move(
            tx,
            run,
            row,
            JobState.ASSIGNED,
            None,
            attempt=attempt,
            host=one.host,
            placed=architecture,
            claimed_at=self._now(),
            reserved_on=None,
        )
        assert moved  # it was queued, and nobody else writes meanwhile
        tx.add(LeaseRow(id=row.id, attempt=attempt, session=one.session, host=one.host))
        self._scheduler.started(row.id, one.host)
        return _given(tx, replace(row, attempt=attempt, placed=architecture))


@dataclass(slots=True)
class _Serving:
    """What a host is given within one transaction, and what it then has left."""

    asking: _Asking
    free: Capacity
    given: list[Given] = field(default_factory=list)
    over: SessionOver | None = None

    @property
    def found(self) -> _Found:
        return self.over or tuple(self.given)

    @property
    def full(self) -> bool:
        return self.over is not None or len(self.given) >= self.asking.most


def _for_newcomer(tx: Tx, one: _Asking) -> _Found | None:
    """What it was given already without knowing."""
    if over := _over(tx, one):
        return over
    given: list[Given] = []
    for held in tx.find(LeaseRow, session=one.session):
        lease = Lease(held.id, held.attempt)
        row = tx.get(JobRow, held.id) if lease not in one.held else None
        if row is not None and len(given) < one.most:
            given.append(_given(tx, row))
    return tuple(given)


def _over(tx: Tx, one: _Asking) -> SessionOver | None:
    session = tx.get(SessionRow, one.session)
    if session is not None and not session.ended:
        return None
    return SessionOver(f"session {one.session} is over", remedy="open another")


def _given(tx: Tx, row: JobRow) -> Given:
    wanted, placed = row.requirement, row.placed
    assert wanted is not None  # it was queued
    assert placed is not None
    assignment = Assignment(
        lease=Lease(row.id, row.attempt),
        image=wanted.image,
        architecture=placed,
        vcpus=vcpus(wanted),
        cpu=float(wanted.cpu),
        memory_mib=wanted.memory_mib,
        timeout_minutes=row.planned.timeout_minutes,
    )
    known = tx.get(SpecRow, row.id)
    return Given(assignment, known.spec if known else None)
