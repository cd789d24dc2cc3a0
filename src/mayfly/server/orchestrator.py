"""Moves runs forward: the only code that decides what is ready.

Every step works on absolute state: what the planner knows of a run (`advance`) is laid beside what
the store says of its jobs, and the difference is carried out. Calling it once too often is
harmless.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mayfly.domain.events import Event, JobChanged, JobRef, JobRemoved, RunFinished, RunRef
from mayfly.domain.events import RunStarted as RunBegan
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.labels import Requirement
from mayfly.domain.placement import Capacity, misfit, nearest_fit
from mayfly.server.concurrency import ConcurrencyGroups, Holder, Verdict
from mayfly.store.base import JobRow, JobStore
from mayfly.system.changes import Changes
from mayfly.workflow.plan import (
    Advance,
    ConcurrencyGroup,
    JobResult,
    PlannedJob,
    PlannedState,
    RunPlan,
    advance,
)

_INTERRUPTED = "interrupted"

# What the planner has decided for good, as a job's state.
_DECIDED = {
    PlannedState.SKIPPED: JobState.SKIPPED,
    PlannedState.REJECTED: JobState.REJECTED,
    PlannedState.CANCELLED: JobState.CANCELLED,
}


@dataclass(slots=True)
class Run:
    """One workflow on one leg, and how it stands.

    `cancelled` says why, once it is; `closed` once not even its `always()` jobs may start.
    """

    ref: RunRef
    plan: RunPlan
    name: str
    cancelled: str | None = None
    closed: bool = False
    conclusion: Conclusion | None = None

    @property
    def id(self) -> str:
        return f"{self.ref.workflow}@{self.ref.leg or ''}"

    @property
    def holder(self) -> Holder:
        return (self.id, "")

    def job_id(self, key: str) -> str:
        return f"{self.id}#{key}"

    def close(self, reason: str) -> None:
        self.cancelled = self.cancelled or reason
        self.closed = True


class Orchestrator:
    """The runs of one control plane; used from one event loop."""

    def __init__(
        self,
        store: JobStore,
        largest: Capacity,
        now: Callable[[], float],
        observe: Callable[[Event], None],
        *,
        fit: bool = False,
    ):
        """`largest` is the largest host there is; `fit` shrinks what is larger instead of refusing.

        `now` gives seconds since 1970.
        """
        self._store = store
        self._largest = largest
        self._now = now
        self._observe = observe
        self._fit = fit
        self._runs: dict[str, Run] = {}
        self._groups = ConcurrencyGroups()
        self._cancels: dict[str, asyncio.Event] = {}
        self._interrupted = False
        self.changed = Changes()

    async def run(self, plans: Sequence[RunPlan]) -> Mapping[RunRef, Conclusion]:
        """Carry out all plans to their end. Raises InvalidInput before anything is started."""
        for run in [_new_run(plan) for plan in plans]:
            self._runs[run.id] = run
            self._observe(RunBegan(self._now(), run.ref, run.name))
            if self._interrupted:
                run.close(_INTERRUPTED)
        self.advance_all()
        while not all(run.conclusion for run in self._runs.values()):
            await self.changed.wait()
        return {run.ref: run.conclusion for run in self._runs.values() if run.conclusion}

    def interrupt(self) -> None:
        """Cancel everything; nothing new is started any more."""
        self._interrupted = True
        for run in self._runs.values():
            run.close(_INTERRUPTED)
        self.advance_all()

    def advance_all(self) -> None:
        """Bring every run to where the store's state allows it to be, then wake who waits."""
        moved = True
        while moved:  # what one run frees (a concurrency group) may let another go on
            moved = False
            for run in self._runs.values():
                while run.conclusion is None and self._advance(run):
                    moved = True
        self.changed.announce()

    def cancelling(self, job: str) -> asyncio.Event:
        """Set once the job is to be cancelled."""
        return self._cancels.setdefault(job, asyncio.Event())

    def find(self, job: str) -> tuple[Run, JobRow]:
        row = self._store.get(job)
        assert row is not None  # ids come from the store
        return self._runs[row.run], row

    def move(
        self, row: JobRow, state: JobState, reason: str | None, *, attempt: int | None = None
    ) -> bool:
        """The one way a job changes; observers are told."""
        if not self._store.move(row.id, state, attempt=attempt, reason=reason):
            return False
        self._tell(self._runs[row.run], row)
        return True

    def _advance(self, run: Run) -> bool:
        """One look at a run; says whether anything changed that calls for another."""
        rows = {row.planned.key: row for row in self._store.of_run(run.id)}
        results = {key: _result(row) for key, row in rows.items() if row.state.is_final}
        started = [key for key, row in rows.items() if _is_started(row)]
        known = advance(run.plan, results, started=started, cancelled=bool(run.cancelled))
        self._forget_placeholders(run, rows, known)
        moved = [self._settle(run, rows.get(job.key), job, known) for job in known.jobs]
        why = run.cancelled or "another job failed"
        moved += [self._cancel(rows[key], why) for key in known.cancel]
        if known.finished is not None:
            run.conclusion = known.finished
            self._groups.release(run.holder)
            self._observe(RunFinished(self._now(), run.ref, known.finished))
            return True
        return any(moved)

    def _forget_placeholders(self, run: Run, rows: Mapping[str, JobRow], known: Advance) -> None:
        for key in rows.keys() - {job.key for job in known.jobs}:
            self._store.remove(rows[key].id)
            self._observe(JobRemoved(self._now(), JobRef(run.ref, key)))

    def _settle(self, run: Run, row: JobRow | None, job: PlannedJob, known: Advance) -> bool:
        """Bring one job's row to what the planner says of it."""
        if row is None:
            row = JobRow(run.job_id(job.key), run.id, job, JobState.BLOCKED, job.reason)
            self._store.add(row)
            self._tell(run, row)
        if row.state is not JobState.BLOCKED:
            return False
        row.planned = job
        if job.state in _DECIDED:
            because = run.cancelled if job.state is PlannedState.CANCELLED else None
            return self.move(row, _DECIDED[job.state], because or job.reason)
        if job.state is PlannedState.BLOCKED:
            self.move(row, JobState.BLOCKED, job.reason)
            return False
        if run.closed:
            return self.move(row, JobState.CANCELLED, run.cancelled)
        return self._queue(run, row, known.concurrency)

    def _queue(self, run: Run, row: JobRow, of_run: ConcurrencyGroup | None) -> bool:
        groups = [*([of_run] if of_run else []), *row.planned.concurrency]
        holders = [(run.id, group.holder) for group in groups]
        for group, holder in zip(groups, holders, strict=True):
            name = group.group
            if self._groups.owner(name) in set(holders) - {holder}:
                why = f"it would wait for ever: its own run holds concurrency group {name!r}"
                return self.move(row, JobState.REJECTED, why)
            verdict = self._groups.ask(
                name,
                holder,
                cancel_in_progress=group.cancel_in_progress,
                patient=group.patient,
            )
            others_cancelled = self._make_way(verdict, name)
            if not verdict.granted:
                self.move(row, JobState.BLOCKED, f"waits for concurrency group {name!r}")
                return others_cancelled
        assert row.planned.requirement is not None  # ready jobs have one
        row.requirement, refusal = self._placed(row.planned.requirement)
        if refusal:
            return self.move(row, JobState.REJECTED, refusal)
        return self.move(row, JobState.QUEUED, None)

    def _placed(self, wanted: Requirement) -> tuple[Requirement, str | None]:
        """What the job gets, or why it gets nothing."""
        why = misfit(wanted, self._largest)
        if why is None:
            return wanted, None
        nearest = nearest_fit(wanted, self._largest)
        if nearest is not None and self._fit:
            return nearest, None
        hint = f"; the nearest that fits is {nearest} (--fit takes it)" if nearest else ""
        return wanted, f"no host can serve it: {why}{hint}"

    def _make_way(self, verdict: Verdict, group: str) -> bool:
        """Cancel whom a newcomer of a concurrency group displaces; says whether it was anyone."""
        reason = f"a newer one entered concurrency group {group!r}"
        losers = [*([verdict.cancel] if verdict.cancel else []), *verdict.displaced]
        for holder in losers:
            run = self._runs[holder[0]]
            if holder in verdict.displaced and holder == run.holder:
                run.close(reason)
            elif holder == run.holder:
                run.cancelled = run.cancelled or reason
            for row in self._store.of_run(run.id):
                if holder in _holders(row):
                    self._cancel(row, reason)
        return bool(losers)

    def _cancel(self, row: JobRow, reason: str) -> bool:
        """Says whether its state changed; a job that a host has ends a little later."""
        if row.state in {JobState.BLOCKED, JobState.QUEUED}:
            return self.move(row, JobState.CANCELLED, reason)
        if not row.state.is_final and row.cancel_reason is None:
            row.cancel_reason = reason
            self.cancelling(row.id).set()
        return False

    def _release(self, row: JobRow) -> None:
        """A job has ended: what it alone held is free; a call's group when all its jobs ended."""
        for holder in _holders(row):
            rows = self._store.of_run(row.run)
            if all(other.state.is_final for other in rows if holder in _holders(other)):
                self._groups.release(holder)

    def _tell(self, run: Run, row: JobRow) -> None:
        if row.state.is_final:
            self._release(row)
        placed = row.requirement.architecture if row.requirement else None
        self._observe(
            JobChanged(
                self._now(),
                JobRef(run.ref, row.planned.key),
                row.planned.name,
                row.state,
                row.reason,
                run.ref.leg or placed,
            )
        )


def _result(row: JobRow) -> JobResult:
    ended = row.state.conclusion
    assert ended is not None  # the row is final
    if row.attempt == 0 and row.planned.conclusion is not None:
        ended = row.planned.conclusion
    return JobResult(ended, row.outputs)


def _is_started(row: JobRow) -> bool:
    return row.state is not JobState.BLOCKED and not row.state.is_final


def _holders(row: JobRow) -> set[Holder]:
    return {(row.run, group.holder) for group in row.planned.concurrency if group.holder}


def _new_run(plan: RunPlan) -> Run:
    return Run(RunRef(plan.workflow.file, plan.architecture), plan, advance(plan, {}).name)
