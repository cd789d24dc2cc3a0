"""What hosts may ask and say: sessions, claims, reports, wishes. Behind function calls and HTTP.

A session is one life of an agent. What it runs is fenced by leases: a report counts only while its
lease is held, and once, whatever is repeated on the way. Raises SessionOver for a session that is
not (any more), whatever is asked of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import groupby

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import MayflyError
from mayfly.domain.placement import Capacity
from mayfly.domain.scheduling.model import millicpu
from mayfly.protocol.fleet import (
    Given,
    Hello,
    JobEnded,
    JobPhase,
    Lease,
    Measured,
    Numbered,
    Opened,
    StaleLease,
    Wishes,
)
from mayfly.server.dispatch import Dispatch, SessionOver
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.sessions import end_session
from mayfly.server.taking import Endings, NeedsSerial, Taking, as_reported
from mayfly.store.base import FLEET, QUEUE, Store, Tx, View, session_topic
from mayfly.store.rows import HostRow, JobRow, LeaseRow, RunRow, SessionRow
from mayfly.workflow.spec import JobSpec

SESSION_TTL_S = 45.0

HandOver = Callable[[RunRow, JobRow], Awaitable[JobSpec]]
"""What a job is to do, once its machine waits; safe to ask again."""

Sources = Callable[[RunRow, str | None], AsyncIterator[bytes]]
"""A tar stream: the run's repository, or the action under a key. Raises MayflyError."""


class UnknownHost(MayflyError):
    """Nobody enrolled it, or it was removed."""


class Hosts:
    """Used from one event loop. `now` gives seconds since 1970."""

    def __init__(
        self,
        store: Store,
        orchestrator: Orchestrator,
        dispatch: Dispatch,
        *,
        hand_over: HandOver,
        sources: Sources,
        endings: Endings = as_reported,
        now: Callable[[], float],
        new_id: Callable[[], str],
        ttl_s: float = SESSION_TTL_S,
        journal_limit: int | None = None,
    ):
        """`journal_limit` bounds what is taken in of one job (`report_size`), hosts aside."""
        self._store = store
        self._orchestrator = orchestrator
        self._dispatch = dispatch
        self._specs = hand_over
        self._sources = sources
        self._now = now
        self._new_id = new_id
        self._ttl_s = ttl_s
        self._taking = Taking(orchestrator, now, endings, journal_limit)

    async def open_session(self, host: str, hello: Hello) -> Opened:
        """Raises UnknownHost."""
        session, capacity, now = self._new_id(), hello.capacity, self._now()

        def work(tx: Tx) -> None:
            row = tx.get(HostRow, host)
            if row is None or row.removed:
                raise UnknownHost(f"no host {host!r} is enrolled here")
            known = replace(
                row,
                millicpu=millicpu(capacity.cpu),
                memory_mib=capacity.memory_mib,
                cpu_factor=row.over_commit or hello.cpu_factor,
                architectures=_native_first(hello),
                online=True,
                agent_version=hello.agent_version,
                accelerators=dict(hello.accelerators),
                last_seen=now,
            )
            tx.put(known)
            tx.add(SessionRow(id=session, host=host, opened=now, until=now + self._ttl_s))
            tx.announce(QUEUE)
            tx.announce(FLEET)

        await self._store.serial(work)
        return Opened(session, self._ttl_s)

    async def renew(self, session: str) -> bool:
        """False once it is over: whatever runs in it must be stopped."""
        until = self._now() + self._ttl_s
        return await self._store.write(
            lambda tx: tx.update(SessionRow, session, {"ended": False}, until=until)
        )

    async def close_session(self, session: str) -> None:
        """What still runs in it is lost. Idempotent."""
        why = "its agent was stopped"
        await self._store.serial(lambda tx: end_session(tx, self._orchestrator, session, why))

    async def claim(
        self,
        session: str,
        free: Capacity,
        held: frozenset[Lease] = frozenset(),
        patience_s: float | None = None,
        most: int = 1,
    ) -> tuple[Given, ...]:
        """The next jobs for a session, which says what it has room for and holds already.

        Jobs that it was given but does not hold, since the answer was lost, are given again. None
        after `patience_s`. One call of a session at a time.
        """
        return await self._dispatch.claim(session, free, held, patience_s, most=most)

    async def hand_over(self, session: str, lease: Lease) -> JobSpec:
        """What the job is to do. Raises StaleLease."""
        run, row = await self._store.read(lambda view: _held(view, session, lease))
        return await self._specs(run, row)

    async def report(self, session: str, reports: Sequence[Numbered]) -> tuple[Lease, ...]:
        """Take in what is new of them; gives the leases that are not held any more.

        Reports of one lease follow each other without a gap. Raises ReportsMissing.
        """
        batches = [(lease, list(batch)) for lease, batch in groupby(reports, lambda one: one.lease)]

        def work(tx: Tx) -> tuple[Lease, ...]:
            stale = self._taking.take(tx, session, batches)
            if stale:
                _host_of(tx, session)
            return stale

        if any(isinstance(numbered.report, JobPhase | Measured | JobEnded) for numbered in reports):
            return await self._store.serial(work)
        try:
            return await self._store.write(work)
        except NeedsSerial:
            return await self._store.serial(work)

    async def wishes(
        self,
        session: str,
        held: frozenset[Lease],
        told: frozenset[Lease] = frozenset(),
        patience_s: float | None = None,
    ) -> Wishes:
        """News of the leases an agent holds, but for those it was told: at once if there are."""
        watch = self._store.watch(session_topic(session))
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    wishes = await self._store.read(lambda view: _wishes(view, session, held, told))
                    if wishes.cancel or wishes.gone:
                        return wishes
                    await watch.wait()
        except TimeoutError:
            return Wishes()
        finally:
            watch.close()

    async def source(self, session: str, lease: Lease, action: str | None) -> AsyncIterator[bytes]:
        """Raises StaleLease, and MayflyError when there is none."""
        run, _ = await self._store.read(lambda view: _held(view, session, lease))
        async for piece in self._sources(run, action):
            yield piece


def _native_first(hello: Hello) -> tuple[Architecture, ...]:
    served = hello.capacity.architectures
    return tuple(sorted(served, key=lambda one: (one is not hello.native, one)))


def _host_of(view: View, session: str) -> str:
    row = view.get(SessionRow, session)
    if row is None or row.ended:
        raise SessionOver(f"session {session} is over", remedy="open another")
    return row.host


def _held(view: View, session: str, lease: Lease) -> tuple[RunRow, JobRow]:
    held = view.get(LeaseRow, lease.job)
    row = view.get(JobRow, lease.job)
    run = view.get(RunRow, row.run) if row else None
    if held is None or (held.attempt, held.session) != (lease.attempt, session):
        _host_of(view, session)
        raise StaleLease(f"attempt {lease.attempt} of {lease.job} is over")
    assert row is not None  # a lease has a job
    assert run is not None
    return run, row


def _wishes(view: View, session: str, held: frozenset[Lease], told: frozenset[Lease]) -> Wishes:
    _host_of(view, session)
    ours = {Lease(row.id, row.attempt) for row in view.find(LeaseRow, session=session)}
    cancel = []
    for lease in sorted(ours - told, key=lambda one: one.job):
        row = view.get(JobRow, lease.job)
        if row is not None and row.cancel_reason is not None:
            cancel.append((lease, row.cancel_reason))
    gone = sorted(held - ours - told, key=lambda one: one.job)
    return Wishes(tuple(cancel), tuple(gone))
