"""What happens by the clock alone: sessions nobody renews, waits that are over, full journals,
and what is kept for a time.

Every replica has one; each looks first and opens a serial transaction only when something is due,
in which it looks again. So nothing happens twice, and idle servers leave the database alone.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from mayfly.domain.errors import MayflyError
from mayfly.domain.job import JobState
from mayfly.server import durations
from mayfly.server.journal import Journals
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.people.sign_in import forget_old
from mayfly.server.retention import Retention
from mayfly.server.scheduler import Scheduler
from mayfly.server.schedules import fire_due
from mayfly.server.sessions import end_overdue
from mayfly.store.base import QUEUE, Store, Tx, View
from mayfly.store.rows import JobRow, RunRow, ScheduleRow, SessionRow

# How long followers of a run that is over may take to read the rest from the store.
_SEAL_AFTER_S = 60.0
_AT_ONCE = 50
_TIDY_S = 3600.0
_RETAIN_S = 60.0

_log = structlog.get_logger(__name__)


class Clockwork:
    """`run` until cancelled; `tick` is one look. `now` gives seconds since 1970."""

    def __init__(
        self,
        store: Store,
        orchestrator: Orchestrator,
        scheduler: Scheduler,
        journals: Journals,
        now: Callable[[], float],
        *,
        retention: Retention,
        interval_s: float = 1.0,
    ):
        self._store = store
        self._orchestrator = orchestrator
        self._scheduler = scheduler
        self._journals = journals
        self._retention = retention
        self._now = now
        self._interval_s = interval_s

    async def run(self) -> None:
        tidy_at = retain_at = self._now()
        while True:
            try:
                await self.tick()
                if self._now() >= tidy_at:
                    tidy_at = self._now() + _TIDY_S
                    await self._store.serial(self._tidy)
                if self._now() >= retain_at:
                    retain_at = self._now() + _RETAIN_S
                    if await self._retention.step():  # go on with the next look
                        retain_at = self._now()
            except MayflyError as error:  # the database is away, say: the next look may do better
                _log.warning("clockwork failed", error=error.message)
            await asyncio.sleep(self._interval_s)

    async def tick(self) -> None:
        """Do what is due now."""
        now = self._now()
        if await self._store.read(lambda view: _anything_due(view, now)):
            ended = await self._store.serial(lambda tx: self._move_on(tx, now))
            for session in ended:
                _log.warning("session lost", session=session)
        for run in await self._store.read(lambda view: _unsealed(view, now - _SEAL_AFTER_S)):
            await self._journals.seal(run.id)
            await self._store.serial(lambda tx, run=run: _note_sealed(tx, run.id))  # type: ignore[misc]

    def _tidy(self, tx: Tx) -> None:
        forget_old(tx, self._now())
        durations.forget_old(tx, self._now())

    def _move_on(self, tx: Tx, now: float) -> list[str]:
        ended = end_overdue(tx, self._orchestrator, now)
        fire_due(tx, now)
        due = [run.id for run in tx.find(RunRow, look_at__lt=now, limit=_AT_ONCE)]
        if due:
            self._orchestrator.advance(tx, *due)
        for job, host, at in self._scheduler.review(tx):
            _reserve(tx, job, host, at)
        return ended


def _anything_due(view: View, now: float) -> bool:
    return bool(
        view.find(SessionRow, ended=False, until__lt=now, limit=1)
        or view.find(RunRow, look_at__lt=now, limit=1)
        or view.find(ScheduleRow, next_at__lt=now, limit=1)
        or view.find(JobRow, state=JobState.QUEUED, limit=1)
    )


def _reserve(tx: Tx, job: str, host: str | None, at: float) -> None:
    """Room is kept for it on a host, or no longer."""
    row = tx.get(JobRow, job)
    if row is not None and row.state is JobState.QUEUED and row.reserved_on != host:
        tx.put(replace(row, reserved_on=host, reserved_at=at))
        tx.announce(QUEUE)


def _unsealed(view: View, before: float) -> list[RunRow]:
    return view.find(RunRow, sealed=False, finished__lt=before, limit=_AT_ONCE)


def _note_sealed(tx: Tx, run: str) -> None:
    row = tx.get(RunRow, run)
    if row is not None:
        tx.put(replace(row, sealed=True))
