"""One run brought forward until nothing of it moves any more.

Every look works on absolute state: what the planner knows of the run (`advance`) is laid beside
what the store says of its jobs, and the difference is carried out. Looking once too often is
harmless. Used in serial transactions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from mayfly.domain.events import RunFinished
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.labels import Requirement
from mayfly.server.concurrency import ConcurrencyGroups, Verdict
from mayfly.server.durations import expected_s
from mayfly.server.environments import leave_for, values_of
from mayfly.server.jobs import Jobs, holders_of, is_started, job_id, result_of
from mayfly.store.base import Tx
from mayfly.store.rows import Holder, JobRow, RunKind, RunRow, SpecRow
from mayfly.workflow.plan import (
    Advance,
    ConcurrencyGroup,
    PlannedJob,
    PlannedState,
    RunPlan,
    advance,
)
from mayfly.workflow.planned import EnvironmentValues

_NO_ENVIRONMENTS: Mapping[str, EnvironmentValues] = MappingProxyType({})

# What the planner has decided for good, as a job's state.
_DECIDED = {
    PlannedState.SKIPPED: JobState.SKIPPED,
    PlannedState.REJECTED: JobState.REJECTED,
    PlannedState.CANCELLED: JobState.CANCELLED,
}


class Plans(Protocol):
    def plan(self, tx: Tx, run: RunRow) -> RunPlan:
        """What the run was asked for; the same each time."""


class Places(Protocol):
    """Which machines there are."""

    def placed(self, tx: Tx, run: RunRow, wanted: Requirement) -> tuple[Requirement, str | None]:
        """What a job gets, or why nothing can ever serve it."""


@dataclass(frozen=True, slots=True)
class Means:
    """What all rounds work with; `now` gives seconds since 1970."""

    jobs: Jobs
    plans: Plans
    places: Places
    now: Callable[[], float]


class Round:
    """One run, brought forward until nothing of it moves any more."""

    def __init__(self, means: Means, tx: Tx, run: RunRow, jobs: list[str]):
        """`jobs` are those of the run, by id."""
        self._means = means
        self._jobs = means.jobs
        self._tx = tx
        self._run = run
        self._groups = ConcurrencyGroups(tx, run.project)
        self._rows: dict[str, JobRow] = {}
        self._jobs_of_run = jobs
        self._looked_at = run, self._rows
        self._touched: dict[str, None] = {}
        self._look_at: float | None = None

    def carry_out(self) -> list[str]:
        """The other runs that must be looked at because of it."""
        while self._run.conclusion is None and self._advance():
            pass
        if self._run.look_at != self._look_at:
            self._save(look_at=self._look_at)
        self._touched.pop(self._run.id, None)
        return list(self._touched)

    def _advance(self) -> bool:
        """One look at the run; says whether anything changed that calls for another."""
        self._look_at = None
        self._read_rows()
        self._release_ended(list(self._rows.values()))
        self._looked_at = self._run, self._rows
        known = self._known(self._run, self._rows)
        for key in self._rows.keys() - {job.key for job in known.jobs}:
            self._forget(self._rows[key])
        moved = [self._settle(self._rows.get(job.key), job, known) for job in known.jobs]
        why = self._run.cancelled or "another job failed"
        moved += [self._cancel(self._rows[key], why) for key in known.cancel]
        if known.finished is not None:
            self._finish(known.finished, in_group=known.concurrency is not None)
        return any(moved)

    def _known(
        self,
        run: RunRow,
        rows: Mapping[str, JobRow],
        environments: Mapping[str, EnvironmentValues] = _NO_ENVIRONMENTS,
    ) -> Advance:
        """What can be done with the run as it stands, in environments that it has leave to use."""
        if run.kind is RunKind.GITHUB:
            return _of_forge(run, rows)
        results = {key: result_of(row) for key, row in rows.items() if row.state.is_final}
        started = [key for key, row in rows.items() if is_started(row)]
        plan = self._means.plans.plan(self._tx, run)
        if environments:
            plan = replace(plan, environments=environments)
        return advance(plan, results, started=started, cancelled=bool(run.cancelled))

    def _read_rows(self) -> None:
        """As they are now; which there are is known, as nobody else adds to its run."""
        rows = [self._tx.get(JobRow, job) for job in self._jobs_of_run]
        self._rows = {row.planned.key: row for row in rows if row is not None}

    def _finish(self, conclusion: Conclusion, *, in_group: bool) -> None:
        now = self._means.now()
        self._save(conclusion=conclusion, finished=now)
        self._read_rows()
        self._release_ended(list(self._rows.values()))  # the last ones may have ended in this look
        if in_group:
            self._release(Holder(self._run.id))
        self._tx.emit(self._run.id, None, [RunFinished(now, self._run.ref, conclusion)])

    def _save(self, **changes: Any) -> None:
        self._run = replace(self._run, **changes)
        self._tx.put(self._run)

    def _release_ended(self, rows: Sequence[JobRow]) -> None:
        """What an ended job alone held is free; a call's group when all its jobs have ended."""
        held = {holder for row in rows for holder in holders_of(row)}
        alive = {holder for row in rows if not row.state.is_final for holder in holders_of(row)}
        for holder in sorted(held - alive, key=lambda one: one.key):
            self._release(holder)

    def _release(self, holder: Holder) -> None:
        self._touched |= {successor.run: None for successor in self._groups.release(holder)}

    def _settle(self, row: JobRow | None, job: PlannedJob, known: Advance) -> bool:
        """Bring one job's row to what the planner says of it."""
        planned = replace(job, spec=None)  # which is kept apart: it may hold secrets
        if row is None:
            row = self._add(planned)
        if row.state is not JobState.BLOCKED:
            return False
        if row.planned != planned:
            row = replace(row, planned=planned)
            self._tx.put(row)
        if job.state in _DECIDED:
            because = self._run.cancelled if job.state is PlannedState.CANCELLED else None
            return self._move(row, _DECIDED[job.state], because or job.reason)
        if job.state is PlannedState.BLOCKED:
            return self._wait(row, job.reason)
        if self._run.closed:
            return self._move(row, JobState.CANCELLED, self._run.cancelled)
        return self._admit(row, job, [*([known.concurrency] if known.concurrency else [])])

    def _forget(self, placeholder: JobRow) -> None:
        self._jobs.remove(self._tx, self._run, placeholder)
        self._jobs_of_run.remove(placeholder.id)

    def _add(self, planned: PlannedJob) -> JobRow:
        row = self._new(planned)
        self._jobs.add(self._tx, self._run, row)
        self._jobs_of_run.append(row.id)
        return row

    def _new(self, planned: PlannedJob) -> JobRow:
        run = self._run
        return JobRow(
            id=job_id(run.id, planned.key),
            run=run.id,
            project=run.project,
            planned=planned,
            state=JobState.BLOCKED,
            reason=planned.reason,
            priority=run.priority,
            created=self._means.now(),
        )

    def _admit(self, row: JobRow, job: PlannedJob, groups: list[ConcurrencyGroup]) -> bool:
        """It is ready: through its environment and its concurrency groups into the queue."""
        leave = leave_for(self._tx, self._run, job.environment, self._means.now())
        if leave.refused:
            return self._move(row, JobState.REJECTED, leave.reason)
        if not leave.granted:
            times = [time for time in (self._look_at, leave.until) if time is not None]
            self._look_at = min(times, default=None)
            return self._wait(row, leave.reason)
        groups += job.concurrency
        holders = [Holder(self._run.id, group.holder) for group in groups]
        for group, holder in zip(groups, holders, strict=True):
            if self._groups.owner(group.group) in set(holders) - {holder}:
                why = f"it would wait for ever: its own run holds concurrency group {group.group!r}"
                return self._move(row, JobState.REJECTED, why)
            verdict = self._groups.ask(
                group.group,
                holder,
                cancel_in_progress=group.cancel_in_progress,
                patient=group.patient,
            )
            others_cancelled = self._make_way(verdict, group.group)
            if not verdict.granted and not others_cancelled and self._groups.is_in_vain(holder):
                self._release(holder)
                held = f"who holds concurrency group {group.group!r} waits for its run"
                return self._move(row, JobState.REJECTED, f"it would wait for ever: {held}")
            if not verdict.granted:
                self._wait(row, f"waits for concurrency group {group.group!r}")
                return others_cancelled
        return self._queue(row, job)

    def _queue(self, row: JobRow, job: PlannedJob) -> bool:
        assert job.requirement is not None  # ready jobs have one
        places = self._means.places
        requirement, refusal = places.placed(self._tx, self._run, job.requirement)
        if refusal:
            return self._move(row, JobState.REJECTED, refusal, requirement=requirement)
        job = self._in_environment(job)
        if job.state is PlannedState.REJECTED:
            return self._move(row, JobState.REJECTED, job.reason, requirement=requirement)
        if job.spec is not None:
            self._tx.put(SpecRow(id=row.id, spec=job.spec))
        takes_s = expected_s(self._tx, self._run, job, requirement)
        queued = {"requirement": requirement, "expected_s": takes_s}
        return self._move(row, JobState.QUEUED, None, **queued)

    def _in_environment(self, job: PlannedJob) -> PlannedJob:
        """With what its environment gives: only now, as it has leave to use it."""
        given = values_of(self._tx, self._run.project, job.environment)
        if not given:
            return job
        run, rows = self._looked_at
        known = self._known(run, rows, given)
        return next(one for one in known.jobs if one.key == job.key)

    def _wait(self, row: JobRow, reason: str | None) -> bool:
        self._move(row, JobState.BLOCKED, reason)
        return False

    def _move(self, row: JobRow, state: JobState, reason: str | None, **changes: Any) -> bool:
        return self._jobs.move(self._tx, self._run, row, state, reason, **changes)

    def _cancel(self, row: JobRow, reason: str) -> bool:
        return self._jobs.cancel(self._tx, self._run, row, reason)

    def _make_way(self, verdict: Verdict, group: str) -> bool:
        """Cancel whom a newcomer of a concurrency group displaces; says whether it was anyone."""
        reason = f"a newer one entered concurrency group {group!r}"
        losers = [*([verdict.cancel] if verdict.cancel else []), *verdict.displaced]
        for holder in losers:
            self._cancel_holder(holder, reason, close=holder in verdict.displaced)
        return bool(losers)

    def _cancel_holder(self, holder: Holder, reason: str, *, close: bool) -> None:
        run = self._run if holder.run == self._run.id else self._tx.get(RunRow, holder.run)
        assert run is not None  # it gives its groups up before it is forgotten
        if not holder.key:
            cancelled = run.cancelled or reason
            run = replace(run, cancelled=cancelled, closed=run.closed or close)
            self._tx.put(run)
        if run.id == self._run.id:
            self._run = run
        for row in self._tx.find(JobRow, run=run.id):
            if holder in holders_of(row):
                self._jobs.cancel(self._tx, run, row, reason)
        if run.id == self._run.id:
            self._read_rows()
        self._touched[run.id] = None


def _of_forge(run: RunRow, rows: Mapping[str, JobRow]) -> Advance:
    """A forge planned it; each job stands for itself, and there is one."""
    [row] = rows.values()
    jobs = (row.planned,)
    cancel = (row.planned.key,) if run.cancelled and not row.state.is_final else ()
    return Advance(run.name, jobs, cancel, row.state.conclusion)
