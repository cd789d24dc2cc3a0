"""Gives queued jobs to hosts that ask: all that wait are served in one serial transaction.

Claims of many hosts thus cost one decision each, not one transaction each, and news of the queue
wake one task, not every host.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from mayfly.domain.errors import MayflyError
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity, vcpus
from mayfly.protocol.fleet import Assignment, Lease
from mayfly.server.jobs import Jobs
from mayfly.server.scheduler import Scheduler
from mayfly.store.base import QUEUE, Store, Tx
from mayfly.store.rows import JobRow, LeaseRow, RunRow, SessionRow
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
    answer: "asyncio.Future[Assignment]"
    new: bool = True


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
    ) -> Assignment | None:
        """See `server.hosts.Hosts.claim`."""
        answer: asyncio.Future[Assignment] = asyncio.get_running_loop().create_future()
        asking = _Asking(session, host, free, held, answer)
        self._asking[session] = asking
        self._newcomer.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        try:
            async with asyncio.timeout(patience_s):
                return await answer
        except TimeoutError:
            return None
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
        try:
            served = await self._store.serial(lambda tx: self._match(tx, asking))
        except Exception as error:  # noqa: BLE001 (theirs to handle)
            served = [(one, error) for one in asking]
        for one in asking:
            one.new = False
        for one, found in served:
            if self._asking.get(one.session) is one:
                del self._asking[one.session]
            if one.answer.done():
                continue
            if isinstance(found, Exception):
                one.answer.set_exception(found)
            else:
                one.answer.set_result(found)

    def _match(self, tx: Tx, asking: list[_Asking]) -> list[tuple[_Asking, Assignment | Exception]]:
        with self._timed():
            return self._decide(tx, asking)

    def _decide(
        self, tx: Tx, asking: list[_Asking]
    ) -> list[tuple[_Asking, Assignment | Exception]]:
        self._scheduler.catch_up(tx)
        served: list[tuple[_Asking, Assignment | Exception]] = []
        for one in asking:
            found = self._for_newcomer(tx, one) if one.new else None
            found = found or self._chosen(tx, one)
            if found is not None:
                served.append((one, found))
        return served

    def _for_newcomer(self, tx: Tx, one: _Asking) -> Assignment | Exception | None:
        """What it was given already without knowing."""
        if over := _over(tx, one):
            return over
        for held in tx.find(LeaseRow, session=one.session):
            lease = Lease(held.id, held.attempt)
            row = tx.get(JobRow, held.id) if lease not in one.held else None
            if row is not None:
                return _assignment(row)
        return None

    def _chosen(self, tx: Tx, one: _Asking) -> Assignment | Exception | None:
        chosen = self._scheduler.choose(tx, one.host, one.free)
        if chosen is None:
            return None
        if over := _over(tx, one):
            return over  # it ended while it waited, and another session keeps the host online
        row, architecture = chosen
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
        return _assignment(replace(row, attempt=attempt, placed=architecture))


def _over(tx: Tx, one: _Asking) -> SessionOver | None:
    session = tx.get(SessionRow, one.session)
    if session is not None and not session.ended:
        return None
    return SessionOver(f"session {one.session} is over", remedy="open another")


def _assignment(row: JobRow) -> Assignment:
    wanted, placed = row.requirement, row.placed
    assert wanted is not None  # it was queued
    assert placed is not None
    return Assignment(
        lease=Lease(row.id, row.attempt),
        image=wanted.image,
        architecture=placed,
        vcpus=vcpus(wanted),
        cpu=float(wanted.cpu),
        memory_mib=wanted.memory_mib,
        timeout_minutes=row.planned.timeout_minutes,
    )
