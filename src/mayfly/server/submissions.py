"""Starts native runs: from a clone somebody sent, a push, the clock, or to run one again."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import RunFinished, RunRef, RunStarted
from mayfly.domain.job import Conclusion
from mayfly.protocol import codec
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.again import kept, latest_attempt
from mayfly.server.orchestrator import Orchestrator
from mayfly.server.plans import plan_of
from mayfly.server.quota import Room
from mayfly.server.uploads import UploadGone, use
from mayfly.store.base import FLEET, Store, Tx
from mayfly.store.people import SecretRow, VariableRow
from mayfly.store.rows import (
    CounterRow,
    ProjectRow,
    RequestRow,
    RunKind,
    RunRow,
    StartRow,
)
from mayfly.system.threads import in_thread
from mayfly.workflow.contexts import RunIdentity
from mayfly.workflow.plan import advance

MAX_RUNS = 500

_IMAGE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # or the digest of one
_LEAST_CPU, _MOST_CPU = Decimal("0.001"), Decimal(100_000)
_MOST_MIB = 100_000 * 1024


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

    async def check(self, submission: Submission) -> None:
        """InvalidInput, WorkflowInvalid with places. Reads it all, outside every transaction."""
        if not 0 < len(submission.runs) <= MAX_RUNS:
            raise InvalidInput(f"a submission has 1 to {MAX_RUNS} runs")
        await in_thread(_read_all, submission)

    async def submit(self, project: str, submission: Submission, actor: str) -> Submitted:
        """Check it and begin it: all of it or nothing."""
        await self.check(submission)
        return await self._store.serial(lambda tx: self.begin(tx, project, submission, actor))

    def begin(
        self, tx: Tx, project: str, submission: Submission, actor: str, *, proven: bool = False
    ) -> Submitted:
        """Write the runs of a checked submission down and begin them.

        Raises UploadGone, and Conflict beyond the project's quota of unfinished jobs.
        `proven`: this server got the sources from the forge, of the ref that their events name.
        """
        owner = tx.get(ProjectRow, project)
        if owner is None:
            raise InvalidInput(f"there is no project {project!r} here")
        room = Room(tx, owner)
        if use(tx, [submission.source, *submission.actions.values()], self._now()):
            raise UploadGone("what is to be run is not there (any more)", remedy="upload it first")
        # What is of an environment is given later, to whom has leave to use that.
        of_all = tx.find(SecretRow, project=project, environment="")
        secrets = {row.name: row.value for row in of_all}
        variables = {
            row.name: row.value for row in tx.find(VariableRow, project=project, environment="")
        }
        identity = self._new_id()
        runs = []
        for request in submission.runs:
            known = replace(
                request,
                secrets={**secrets, **request.secrets},
                vars={**variables, **request.vars},
            )
            run = self._run(owner, known, submission, identity, actor)
            run = replace(run, proven_ref=request.event.ref if proven else "")
            runs.append(self._start(tx, run, known))
        self._orchestrator.advance(tx, *runs)
        room.take(*runs)
        return Submitted(identity, tuple(runs))

    def _run(
        self,
        project: ProjectRow,
        request: RunRequest,
        submission: Submission,
        identity: str,
        actor: str,
    ) -> RunRow:
        event = request.event
        return RunRow(
            id=self._new_id(),
            project=project.id,
            ref=RunRef(request.file, request.architecture),
            name=advance(plan_of(request, RunIdentity()), {}).name,
            submission=identity,
            event=event.name,
            branch=event.branch or event.ref.removeprefix("refs/tags/"),
            sha=event.sha,
            actor=actor,
            priority=project.priority,
            fit=submission.fit,
            source=submission.source,
            actions=dict(submission.actions),
            created=self._now(),
        )

    def _start(self, tx: Tx, run: RunRow, request: RunRequest) -> str:
        number = next_number(tx, f"runs of {run.project}/{request.file}")
        run = replace(run, serial=next_number(tx, "runs"), number=number)
        tx.put(RequestRow(id=run.id, text=codec.encode(request).decode()))
        self._orchestrator.begin(tx, run)
        return run.id

    def fail(self, tx: Tx, start: StartRow, reason: str) -> None:
        """Show a start that came to nothing as a run that failed at once."""
        now = self._now()
        run = RunRow(
            id=self._new_id(),
            project=start.project,
            ref=RunRef(start.workflow or ".github/workflows"),
            name=f"{start.event} could not start",
            serial=next_number(tx, "runs"),
            submission=self._new_id(),
            event=start.event,
            branch=start.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
            sha=start.sha or "",
            actor=start.actor,
            created=now,
            finished=now,
            conclusion=Conclusion.FAILURE,
            problem=reason,
        )
        tx.add(run)
        tx.emit(run.id, None, [RunStarted(now, run.ref, run.name)])
        tx.emit(run.id, None, [RunFinished(now, run.ref, Conclusion.FAILURE)])
        tx.announce(FLEET)

    def again(self, tx: Tx, run: RunRow, actor: str, *, failed_only: bool = True) -> str:
        """Another attempt of a finished run.

        With `failed_only` jobs that succeeded stay so, unless they need one that did not.
        InvalidInput if it is not over, or there is nothing to do; UploadGone, Conflict as `begin`.
        """
        if run.conclusion is None:
            raise InvalidInput(f"run {run.id} is not over", remedy="cancel it first")
        if run.kind is not RunKind.NATIVE:
            raise InvalidInput(f"run {run.id} belongs to its forge", remedy="rerun it there")
        request = tx.get(RequestRow, run.id)
        if request is None:
            raise InvalidInput(f"run {run.id} could not even begin", remedy="push again")
        project = tx.get(ProjectRow, run.project)
        assert project is not None  # projects stay
        room = Room(tx, project)
        named = [run.source, *run.actions.values()]
        if use(tx, [name for name in named if name], self._now()):
            raise UploadGone(
                f"what run {run.id} checked out is kept no longer",
                remedy="run it anew: send the clone again, or push",
            )
        following = replace(
            run,
            id=self._new_id(),
            attempt=latest_attempt(tx, run) + 1,
            submission=self._new_id(),
            actor=actor,
            created=self._now(),
            finished=None,
            conclusion=None,
            cancelled=None,
            closed=False,
            look_at=None,
            sealed=False,
            log_gone=None,
            problem=None,
        )
        tx.add(replace(request, id=following.id))
        rows = kept(tx, run, following) if failed_only else []
        self._orchestrator.submit(tx, following, rows)
        room.take(following.id)
        return following.id


def _read_all(submission: Submission) -> None:
    for request in submission.runs:
        _check_machines(request)
        plan_of(request, RunIdentity())


def _check_machines(request: RunRequest) -> None:
    """What a client says itself of images and sizes, which no reader of labels has bounded."""
    named = [request.image, *(wanted.image for wanted in request.labels.values())]
    for image in named:
        if image is not None and not _IMAGE.fullmatch(image):  # a path would be one of its host
            raise InvalidInput(
                f"{image[:80]!r} is no name of an image",
                remedy="bring it to the server with `mayfly image push`, and name it so",
            )
    for label, wanted in request.labels.items():
        if not (_LEAST_CPU <= wanted.cpu <= _MOST_CPU and 0 < wanted.memory_mib <= _MOST_MIB):
            raise InvalidInput(f"no machine is as large as label {label[:80]!r} says")


def next_number(tx: Tx, what: str) -> int:
    """Each number is given out once, from 1."""
    row = tx.get(CounterRow, what) or CounterRow(id=what)
    tx.put(replace(row, value=row.value + 1))
    return row.value + 1
