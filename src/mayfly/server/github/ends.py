"""How places end: what a machine's end means, and what GitHub's jobs need then."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from mayfly.domain.events import StepFinished
from mayfly.domain.job import JobState
from mayfly.forges.github.model import Status
from mayfly.forges.github.runners import Next, after_exit
from mayfly.protocol.fleet import JobEnded
from mayfly.server.github import chores, spec
from mayfly.server.github.places import Places, jobs_of, key_of, seen_working
from mayfly.store.base import Tx, View
from mayfly.store.forge_rows import AlarmRow, ForgeJobRow, RunnerRow
from mayfly.store.rows import JobRow, ProjectRow, RunKind, RunRow

_log = structlog.get_logger(__name__)

_ALARM_S = 3600.0
_AFTER_COMPLETED_S = 60.0  # in which a runner ends by itself, once its job has
_FIRST_BACKOFF_S = 5.0
_LONGEST_BACKOFF_S = 300.0
_MOST_RERUNS = 3

_CONCLUSIONS = {
    "success": JobState.SUCCEEDED,
    "neutral": JobState.SUCCEEDED,
    "failure": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "timed_out": JobState.TIMED_OUT,
    "skipped": JobState.SKIPPED,
}
# How GitHub's runner tells how its job ended.
_RESULTS = {
    102: (JobState.FAILED, "the job failed"),
    103: (JobState.CANCELLED, "the job was cancelled"),
    104: (JobState.SKIPPED, "the job was skipped"),
    105: (JobState.LOST, "GitHub gave the job up"),
}


def as_forge_says(tx: Tx, run: RunRow, row: JobRow, ended: JobEnded) -> JobEnded:
    """What a host reports of a forge's job, as the forge sees it, or else its runner.

    See `server.taking.Endings`.
    """
    place = tx.get(RunnerRow, row.id) if run.kind is RunKind.GITHUB else None
    if place is None:
        return ended
    job = tx.get(ForgeJobRow, place.works_on) if place.works_on else None
    if job is not None and job.conclusion is not None:
        return replace(ended, state=_CONCLUSIONS.get(job.conclusion, JobState.FAILED), reason=None)
    if ended.state not in {JobState.SUCCEEDED, JobState.FAILED}:
        return ended
    return _as_runner_says(tx, place, row, ended)


def _as_runner_says(tx: Tx, place: RunnerRow, row: JobRow, ended: JobEnded) -> JobEnded:
    code = exit_code(tx, row)
    if code in _RESULTS:
        state, reason = _RESULTS[code]
        return replace(ended, state=state, reason=reason)
    worked = place.works_on is not None or seen_working(tx, row)
    if code == 0 and not worked:
        return replace(ended, state=JobState.CANCELLED, reason=after_exit(0, ran_job=False).reason)
    if code:
        return replace(ended, reason=after_exit(code, ran_job=worked).reason)
    return ended


def exit_code(view: View, row: JobRow) -> int | None:
    """Of the runner in its machine; None if it did not end by itself."""
    entries = view.journal(row.run, job=row.id, limit=10_000)
    codes = [one.event.exit_code for one in entries if isinstance(one.event, StepFinished)]
    return codes[-1] if codes else None


@dataclass(frozen=True, slots=True)
class Due:
    """What a look found: places whose job is over, places that stay after theirs, and pools.

    `calm` are alarms that are over.
    """

    ended: tuple[str, ...]
    overdue: tuple[str, ...]
    pools: tuple[str, ...]
    calm: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.ended or self.overdue or self.pools or self.calm)


class Ends:
    """`now` gives seconds since 1970."""

    def __init__(self, places: Places, now: Callable[[], float]):
        self._places = places
        self._now = now

    def look(self, view: View) -> Due:
        """What is due; nothing is changed."""
        rows = view.find(RunnerRow, live=True)
        jobs = jobs_of(view, rows)
        plan = self._places.plan(view)
        wanted = {key_of(*one.key) for one in plan.make}
        pools = {row.pool for row in rows if row.id in plan.give_up}
        if wanted:
            queued = view.find(ForgeJobRow, status=Status.QUEUED.value)
            pools |= {row.pool for row in queued if row.id in wanted}
        return Due(
            tuple(row.id for row in rows if is_over(jobs.get(row.id))),
            tuple(row.id for row in rows if self._is_overdue(view, row)),
            tuple(sorted(pools)),
            tuple(row.id for row in view.find(AlarmRow) if row.until <= self._now()),
        )

    def carry_out(self, tx: Tx, due: Due) -> None:
        """Looks again at each."""
        pools = set(due.pools)
        for image in due.calm:
            alarm = tx.get(AlarmRow, image)
            if alarm is not None and alarm.until <= self._now():
                tx.delete(AlarmRow, image)
        for key in due.ended:
            place = tx.get(RunnerRow, key)
            if place is not None and place.live and is_over(tx.get(JobRow, place.id)):
                self._end(tx, place)
                pools.add(place.pool)
        for key in due.overdue:
            place = tx.get(RunnerRow, key)
            if place is not None and self._is_overdue(tx, place):
                self._places.cancel(tx, place, "its job is over at GitHub")
        self._places.balance(tx, pools)

    def _end(self, tx: Tx, place: RunnerRow) -> None:
        now = self._now()
        row, job = tx.get(JobRow, place.id), tx.get(ForgeJobRow, place.made_for)
        assert row is not None  # it is over
        tx.put(replace(place, live=False, ended=now, config=None))
        worked = tx.get(ForgeJobRow, place.works_on) if place.works_on else None
        if place.asked is not None and (worked is None or worked.conclusion is None):
            chores.ask(tx, chores.DEREGISTER, place.id, place.installation, now)
        self._raise_alarm(tx, row)
        if row.state is JobState.LOST and worked is not None:
            self._lost(tx, worked, row)
        if job is not None and job.status == Status.QUEUED.value and place.leaving is None:
            self._try_again(tx, job, row)

    def _try_again(self, tx: Tx, job: ForgeJobRow, row: JobRow) -> None:
        """Its place came to nothing; unless a person wanted that, another is made, in a while."""
        run = tx.get(RunRow, row.run)
        if row.cancel_reason is not None or (run is not None and run.cancelled):
            why = row.cancel_reason or (run.cancelled if run else None)
            reason = (
                f"cancelled here: {why}; GitHub keeps the job waiting until it is cancelled there"
            )
            self._places.refuse(tx, job, reason, title="Cancelled", conclusion="cancelled")
            return
        wait = min(_FIRST_BACKOFF_S * 2**job.tries, _LONGEST_BACKOFF_S) if job.tries else 0.0
        tx.put(replace(job, tries=job.tries + 1, after=self._now() + wait))

    def _raise_alarm(self, tx: Tx, row: JobRow) -> None:
        code = exit_code(tx, row)
        if code is None or code in _RESULTS:
            return
        end = after_exit(code, ran_job=True)
        if end.next is Next.STOP_LAUNCHING:
            now = self._now()
            tx.put(AlarmRow(id=spec.IMAGE, reason=end.reason, since=now, until=now + _ALARM_S))
            _log.error("no runners are started", image=spec.IMAGE, reason=end.reason)

    def _lost(self, tx: Tx, job: ForgeJobRow, row: JobRow) -> None:
        """GitHub notices after minutes; whether it runs again is for the project to say."""
        _log.error("job of GitHub lost", project=job.project, job=job.id, reason=row.reason)
        project = tx.get(ProjectRow, job.project)
        if project is not None and project.rerun_lost and job.attempt < _MOST_RERUNS:
            target = f"{job.project}/{job.run}/{job.attempt}"
            note = {"project": job.project, "run": job.run, "job": job.id}
            chores.ask(tx, chores.RERUN, target, job.installation, self._now() + 60, **note)

    def _is_overdue(self, view: View, place: RunnerRow) -> bool:
        if place.works_on is None or place.leaving is not None:
            return False
        job = view.get(ForgeJobRow, place.works_on)
        over = job is not None and job.status == Status.COMPLETED.value
        return over and self._now() - (job.changed if job else 0.0) > _AFTER_COMPLETED_S


def is_over(row: JobRow | None) -> bool:
    return row is None or row.state.is_final
