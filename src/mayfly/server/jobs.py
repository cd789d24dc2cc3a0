"""The one way a job's row changes; observers are told. Used in serial transactions."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mayfly.domain.events import JobChanged, JobRef, JobRemoved
from mayfly.domain.job import JobState
from mayfly.store.base import FLEET, QUEUE, Tx, session_topic
from mayfly.store.rows import Holder, JobRow, LeaseRow, RunRow, SpecRow
from mayfly.workflow.plan import JobResult

_WAITING = frozenset({JobState.BLOCKED, JobState.QUEUED})


def job_id(run: str, key: str) -> str:
    """The same for the same key; safe in an address."""
    return f"{run}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


class Jobs:
    """`now` gives seconds since 1970."""

    def __init__(self, now: Callable[[], float]):
        self._now = now

    def add(self, tx: Tx, run: RunRow, row: JobRow) -> None:
        tx.put(row)
        self._tell(tx, run, row)

    def remove(self, tx: Tx, run: RunRow, row: JobRow) -> None:
        """A placeholder, whose place others take."""
        tx.delete(JobRow, row.id)
        tx.emit(run.id, row.id, [JobRemoved(self._now(), JobRef(run.ref, row.planned.key))])

    def move(
        self, tx: Tx, run: RunRow, row: JobRow, state: JobState, reason: str | None, **changes: Any
    ) -> bool:
        """Forward to another state; says whether anything changed. A reason alone may change."""
        if state is row.state and (reason == row.reason or state.is_final):
            return False
        if state is not row.state and not row.state.may_become(state):
            return False
        if state is JobState.QUEUED:
            changes["queued_at"] = self._now()
        elif state is JobState.RUNNING:
            changes["started_at"] = self._now()
        elif state.is_final:
            changes["finished_at"] = self._now()
            tx.delete(LeaseRow, row.id)
            tx.delete(SpecRow, row.id)
        if {row.state, state} != {JobState.BLOCKED}:
            tx.announce(QUEUE)
        moved = replace(row, state=state, reason=reason, **changes)
        tx.put(moved)
        self._tell(tx, run, moved)
        return True

    def requeue(self, tx: Tx, run: RunRow, row: JobRow, reason: str | None, *, lost: bool) -> None:
        """Back into the queue, where another attempt may be claimed; `lost`: it was cut short."""
        lease = tx.get(LeaseRow, row.id)
        tx.delete(LeaseRow, row.id)
        waiting = replace(
            row,
            told=row.told + (lease.told if lease else 0),
            state=JobState.QUEUED,
            reason=reason,
            host=None,
            placed=None,
            claimed_at=None,
            started_at=None,
            losses=row.losses + lost,
        )
        tx.put(waiting)
        self._tell(tx, run, waiting)
        tx.announce(QUEUE)

    def cancel(self, tx: Tx, run: RunRow, row: JobRow, reason: str) -> bool:
        """Says whether its state changed; a job that a host has ends a little later."""
        if row.state in _WAITING:
            return self.move(tx, run, row, JobState.CANCELLED, reason)
        if not row.state.is_final and row.cancel_reason is None:
            tx.put(replace(row, cancel_reason=reason))
            lease = tx.get(LeaseRow, row.id)
            if lease is not None:
                tx.announce(session_topic(lease.session))
        return False

    def _tell(self, tx: Tx, run: RunRow, row: JobRow) -> None:
        wanted = row.requirement.architecture if row.requirement else None
        event = JobChanged(
            self._now(),
            JobRef(run.ref, row.planned.key),
            row.planned.name,
            row.state,
            row.reason,
            run.ref.leg or row.placed or wanted,
        )
        tx.emit(run.id, row.id, [event])
        tx.announce(FLEET)


def result_of(row: JobRow) -> JobResult:
    """What jobs that need it are told; the row is final."""
    ended = row.state.conclusion
    assert ended is not None
    if row.attempt == 0 and row.planned.conclusion is not None:
        ended = row.planned.conclusion
    return JobResult(ended, row.outputs)


def is_started(row: JobRow) -> bool:
    return row.state is not JobState.BLOCKED and not row.state.is_final


def holders_of(row: JobRow) -> set[Holder]:
    """As which it, or a call it is in, holds concurrency groups; not the run's own."""
    return {Holder(row.run, group.holder) for group in row.planned.concurrency if group.holder}
