"""Starts native runs: from a clone somebody sent, a push, the clock, or to run one again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import RunRef
from mayfly.domain.job import JobState
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.jobs import job_id
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.plans import plan_of
from mayfly.store.base import Store, Tx
from mayfly.store.rows import CounterRow, JobRow, ProjectRow, RequestRow, RunKind, RunRow
from mayfly.workflow.contexts import RunIdentity
from mayfly.workflow.plan import advance

MAX_RUNS = 500


@dataclass(frozen=True, slots=True)
class Submitted:
    """The ids of the submission and of its runs, in the order they were asked for."""

    id: str
    runs: tuple[str, ...]


class Submissions:
    """Used from one event loop. `now` gives seconds since 1970, `new_id` an id nobody has."""

    def __init__(
        self,
        store: Store,
        orchestrator: Orchestrator,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ):
        self._store = store
        self._orchestrator = orchestrator
        self._now = now
        self._new_id = new_id

    async def submit(self, project: str, submission: Submission, actor: str) -> Submitted:
        """All of it or nothing. InvalidInput, WorkflowInvalid with places. May be slow to read."""
        if not 0 < len(submission.runs) <= MAX_RUNS:
            raise InvalidInput(f"a submission has 1 to {MAX_RUNS} runs")
        names = [_name(request) for request in submission.runs]
        identity = self._new_id()

        def work(tx: Tx) -> Submitted:
            runs = [
                self.start(tx, project, request, name, submission, identity, actor)
                for request, name in zip(submission.runs, names, strict=True)
            ]
            return Submitted(identity, tuple(runs))

        return await self._store.serial(work)

    def start(
        self,
        tx: Tx,
        project: str,
        request: RunRequest,
        name: str,
        submission: Submission,
        identity: str,
        actor: str,
    ) -> str:
        """Write down one run and begin it; its id."""
        owner = tx.get(ProjectRow, project)
        if owner is None:
            raise InvalidInput(f"there is no project {project!r} here")
        event = request.event
        run = RunRow(
            id=self._new_id(),
            project=project,
            ref=RunRef(request.file, request.architecture),
            name=name,
            serial=_count(tx, "runs"),
            number=_count(tx, f"runs of {project}/{request.file}"),
            submission=identity,
            event=event.name,
            branch=event.branch or event.ref.removeprefix("refs/tags/"),
            sha=event.sha,
            actor=actor,
            priority=owner.priority,
            fit=submission.fit,
            source=submission.source,
            actions=dict(submission.actions),
            created=self._now(),
        )
        tx.add(RequestRow(id=run.id, text=codec.encode(request).decode()))
        self._orchestrator.submit(tx, run)
        return run.id

    def again(self, tx: Tx, run: RunRow, actor: str, *, failed_only: bool = True) -> str:
        """Another attempt of a finished run; with `failed_only` jobs that succeeded stay so.

        InvalidInput if it is not over, or there is nothing to do.
        """
        if run.conclusion is None:
            raise InvalidInput(f"run {run.id} is not over", remedy="cancel it first")
        if run.kind is not RunKind.NATIVE:
            raise InvalidInput(f"run {run.id} belongs to its forge", remedy="rerun it there")
        request = tx.get(RequestRow, run.id)
        assert request is not None  # native runs have one
        following = replace(
            run,
            id=self._new_id(),
            attempt=run.attempt + 1,
            submission=self._new_id(),
            actor=actor,
            created=self._now(),
            finished=None,
            conclusion=None,
            cancelled=None,
            closed=False,
            look_at=None,
            sealed=False,
        )
        tx.add(replace(request, id=following.id))
        kept = _kept(tx, run, following) if failed_only else []
        self._orchestrator.submit(tx, following, kept)
        return following.id


def _name(request: RunRequest) -> str:
    return advance(plan_of(request, RunIdentity()), {}).name


def _count(tx: Tx, what: str) -> int:
    row = tx.get(CounterRow, what) or CounterRow(id=what)
    tx.put(replace(row, value=row.value + 1))
    return row.value + 1


def _kept(tx: Tx, run: RunRow, following: RunRow) -> Iterable[JobRow]:
    """Jobs that succeeded, as those of the following attempt."""
    for row in tx.find(JobRow, order="created", run=run.id):
        if row.state is JobState.SUCCEEDED:
            key = job_id(following.id, row.planned.key)
            yield replace(row, id=key, run=following.id, spec=None)
