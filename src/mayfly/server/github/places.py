"""As many places as GitHub's jobs need: made, given up, ended. Serial transactions.

A place is one of our jobs whose machine becomes a runner. Machines with the same labels are alike,
so places are counted against what waits, whichever job took which runner.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import LogLines, RunRef
from mayfly.domain.job import JobState
from mayfly.domain.labels import NotLinux, Requirement, resolve
from mayfly.forges.github.demand import Place, Plan, Pool, Stage, Waiting, balance, pool
from mayfly.forges.github.model import Scope, Status
from mayfly.server.github import chores, spec
from mayfly.server.github.holding import with_room
from mayfly.server.jobs import job_id
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.submissions import next_number
from mayfly.store.base import Tx, View
from mayfly.store.forge_rows import AlarmRow, ForgeJobRow, RunnerRow
from mayfly.store.rows import JobRow, ProjectRow, RunKind, RunRow

_CHECK = "Mayfly"
_LINES_READ = 500
_ASKED_AT_ONCE = 500


class Places:
    """`now` gives seconds since 1970, `new_id` an id nobody has."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ):
        self._orchestrator = orchestrator
        self._now = now
        self._new_id = new_id

    def plan(self, view: View, pools: Iterable[str] | None = None) -> Plan:
        """What is to be done about those kinds of runners, or all; nothing is changed."""
        now = self._now()
        where: dict[str, Any] = {} if pools is None else {"pool": tuple(sorted(set(pools)))}
        queued = view.find(ForgeJobRow, status=Status.QUEUED.value, **where)
        waiting = [_waiting(row) for row in queued if row.problem is None and row.after <= now]
        if (alarm := view.get(AlarmRow, spec.IMAGE)) and alarm.until > now:
            waiting = []
        rows = view.find(RunnerRow, live=True, **where)
        jobs = jobs_of(view, rows)
        places = [_place(row, jobs.get(row.id)) for row in rows]
        return with_room(view, queued, balance(waiting, [one for one in places if one], now))

    def balance(self, tx: Tx, pools: Collection[str]) -> None:
        """Bring those kinds of runners to what is needed now. Harmless once too often."""
        if not pools:
            return
        plan = self.plan(tx, pools)
        for waiting in plan.make:
            job = tx.get(ForgeJobRow, key_of(*waiting.key))
            assert job is not None  # the plan was made of it
            self._make(tx, job)
        for place in plan.give_up:
            row = tx.get(RunnerRow, place)
            assert row is not None
            self._give_up(tx, row)

    def make(self, tx: Tx, wanted: Iterable[str]) -> None:
        """Places for those jobs, of a plan made a moment ago: unless they have got one since."""
        for key in wanted:
            job = tx.get(ForgeJobRow, key)
            if job is None or job.status != Status.QUEUED.value or job.problem is not None:
                continue
            if not tx.find(RunnerRow, made_for=key, live=True, limit=1):
                self._make(tx, job)

    def refuse(
        self,
        tx: Tx,
        job: ForgeJobRow,
        reason: str,
        *,
        title: str = "No machine here can run this job",
        conclusion: str = "failure",
    ) -> None:
        """No place is made for it; its commit shows why, in a check of that conclusion."""
        tx.put(replace(job, problem=reason))
        chores.ask(
            tx,
            chores.CHECK,
            job.id,
            job.installation,
            self._now(),
            project=job.project,
            sha=job.sha,
            name=f"{_CHECK}: {job.name}"[:200],
            title=title,
            summary=reason,
            conclusion=conclusion,
        )

    def cancel(self, tx: Tx, place: RunnerRow, reason: str) -> None:
        """Its machine is not wanted any more."""
        if place.leaving is None:
            tx.put(replace(place, leaving=self._now()))
        self._orchestrator.cancel_job(tx, place.id, reason)

    def _make(self, tx: Tx, job: ForgeJobRow) -> None:
        try:
            wanted = requirement_of(job.labels)
        except InvalidInput as error:
            why = f"{error.message}; {error.remedy}" if error.remedy else error.message
            self.refuse(tx, job, why)
            return
        run, row = self._rows(tx, job, wanted)
        owner, repo = job.pool.split("|")[0].partition("/")[::2]
        place = RunnerRow(
            id=row.id,
            project=job.project,
            installation=job.installation,
            owner=owner,
            repo=repo or None,
            labels=job.labels,
            pool=job.pool,
            made_for=job.id,
            made=self._now(),
        )
        tx.add(place)
        self._orchestrator.submit(tx, run, [row])
        made = tx.get(JobRow, row.id)
        assert made is not None
        if made.state is JobState.REJECTED:
            tx.put(replace(place, live=False, ended=self._now()))
            reason = (made.reason or "").replace(" (--fit takes it)", "")
            self.refuse(tx, job, reason)

    def _rows(self, tx: Tx, job: ForgeJobRow, wanted: Requirement) -> tuple[RunRow, JobRow]:
        project = tx.get(ProjectRow, job.project)
        priority = project.priority if project else 0
        run = RunRow(
            id=self._new_id(),
            project=job.project,
            ref=RunRef(job.workflow or "GitHub"),
            name=job.name,
            kind=RunKind.GITHUB,
            serial=next_number(tx, "runs"),
            number=next_number(tx, f"runs of {job.project}/{job.workflow}"),
            submission=self._new_id(),
            priority=priority,
            created=self._now(),
        )
        row = JobRow(
            id=job_id(run.id, spec.KEY),
            run=run.id,
            project=job.project,
            planned=spec.planned(job, wanted),
            state=JobState.BLOCKED,
            priority=priority,
            created=self._now(),
        )
        return described(run, job), row

    def _give_up(self, tx: Tx, place: RunnerRow) -> None:
        """One that may have a registration leaves GitHub first: a job may just be coming to it."""
        row = tx.get(JobRow, place.id)
        if row is not None and is_asked(place, row):
            tx.put(replace(place, leaving=self._now()))
            chores.ask(tx, chores.RETIRE, place.id, place.installation, self._now())
        else:
            self.cancel(tx, place, "GitHub does not need it any more")


def requirement_of(labels: tuple[str, ...]) -> Requirement:
    """Raises InvalidInput for labels that nothing can serve."""
    wanted = resolve(labels)
    if isinstance(wanted, NotLinux):
        raise InvalidInput(f"label {wanted.label!r} asks for {wanted.os}: Mayfly runs Linux")
    return replace(wanted, image=spec.image_for(wanted.image))


def pool_key(scope: Scope, labels: Iterable[str]) -> str:
    """Begins with the scope; the same for the same kind of runners."""
    alike = pool(scope, labels)
    return f"{alike.scope}|{','.join(sorted(alike.labels))}"


def key_of(job: int, attempt: int) -> str:
    return f"{job}-{attempt}"


def described(run: RunRow, job: ForgeJobRow) -> RunRow:
    """The run, showing the forge's job."""
    name = f"{job.workflow} / {job.name}" if job.workflow else job.name
    return replace(
        run, name=name, event="workflow_job", branch=job.branch, sha=job.sha, actor=job.actor
    )


def is_asked(place: RunnerRow, row: JobRow) -> bool:
    """Whether the place's present machine has got a registration, or is about to."""
    return place.asked is not None and place.attempt == row.attempt


def seen_working(view: View, row: JobRow) -> bool:
    """Whether the machine itself said that a job runs in it: the only one who knows for sure."""
    entries = view.journal(row.run, job=row.id, limit=_LINES_READ)
    lines = (line for one in entries if isinstance(one.event, LogLines) for line in one.event.lines)
    return any(spec.WORKING in line for line in lines)


def jobs_of(view: View, places: Sequence[RunnerRow]) -> dict[str, JobRow]:
    """Our jobs that the places are."""
    found: dict[str, JobRow] = {}
    for begin in range(0, len(places), _ASKED_AT_ONCE):
        ids = tuple(place.id for place in places[begin : begin + _ASKED_AT_ONCE])
        found |= {row.id: row for row in view.find(JobRow, id=ids)}
    return found


def _waiting(row: ForgeJobRow) -> Waiting:
    return Waiting((row.job, row.attempt), _pool(row.pool), row.since)


def _place(place: RunnerRow, row: JobRow | None) -> Place | None:
    """None for one that takes no job any more."""
    if row is None or row.state.is_final or place.leaving is not None:
        return None
    stage, since = _stage(place, row)
    job, _, attempt = place.made_for.partition("-")
    return Place(place.id, _pool(place.pool), stage, (int(job), int(attempt)), since)


def _stage(place: RunnerRow, row: JobRow) -> tuple[Stage, float]:
    if place.works_on is not None or place.seen_working is not None:
        return Stage.WORKING, place.seen_working or place.made
    if is_asked(place, row):
        return Stage.LISTENING, place.asked or place.made
    if row.state in {JobState.BLOCKED, JobState.QUEUED}:
        return Stage.QUEUED, place.made
    return Stage.STARTING, row.claimed_at or place.made


def _pool(key: str) -> Pool:
    scope, _, labels = key.partition("|")
    owner, _, repo = scope.partition("/")
    return pool(Scope(owner, repo or None), labels.split(","))
