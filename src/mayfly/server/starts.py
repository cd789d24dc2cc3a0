"""Starts native runs without anyone at a terminal: for pushes, and by the clock.

A start is written down first (`StartRow`). Any replica takes it for a while, reads the repository
outside every transaction, and begins the runs in the one that removes the row: so a start happens
once, whoever is killed when.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from mayfly.domain.errors import MayflyError, Problem, WorkflowInvalid
from mayfly.protocol.submission import RunRequest, Submission
from mayfly.server.pushed import changed_files, text_of
from mayfly.server.quota import Room
from mayfly.server.schedules import STARTS, keep_schedules
from mayfly.server.submissions import Submissions
from mayfly.server.uploads import Uploads, of_project
from mayfly.services.actions import ResolvedActions, resolve_actions
from mayfly.services.config import ActionSettings
from mayfly.services.mirror import PROTOCOLS, Mirrors, Remote
from mayfly.services.repository import Repository
from mayfly.services.source import RepositorySource
from mayfly.store.base import Store, Tx
from mayfly.store.rows import ProjectRow, StartRow
from mayfly.system.home import Home
from mayfly.system.tasks import first
from mayfly.workflow.events import Event, event_for
from mayfly.workflow.model import Workflow
from mayfly.workflow.planned import RunPlan
from mayfly.workflow.reader import read_workflow
from mayfly.workflow.triggers import matches

_TAKEN_S = 900.0
_TRIES = 5
_BACK_OFF_S = 30.0
_LOOK_AGAIN_S = 10.0

_log = structlog.get_logger(__name__)

Credentials = Callable[[ProjectRow], Awaitable[str | None]]
"""A token that reads a project's repository, if it needs one."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a repository has to run for an event."""

    repository: Repository
    event: Event
    texts: dict[str, str]
    workflows: dict[str, Workflow]
    chosen: tuple[Workflow, ...]


class Starts:
    """`run` until cancelled. `now` gives seconds since 1970."""

    def __init__(
        self,
        store: Store,
        uploads: Uploads,
        submissions: Submissions,
        *,
        home: Home,
        credentials: Credentials,
        now: Callable[[], float],
        actions: ActionSettings | None = None,
        protocols: frozenset[str] = PROTOCOLS,
    ):
        self._store = store
        self._uploads = uploads
        self._submissions = submissions
        self._home = home
        self._credentials = credentials
        self._now = now
        self._actions = actions or ActionSettings()
        self._mirrors = Mirrors(home.root / "mirrors", protocols)

    async def run(self) -> None:
        watch = self._store.watch(STARTS)
        try:
            while True:
                while await self.step():
                    pass
                await first(watch.wait(), asyncio.sleep(_LOOK_AGAIN_S))
        finally:
            watch.close()

    async def step(self) -> bool:
        """Carry out one start that is due; False if there is none."""
        start = await self._store.serial(lambda tx: _take(tx, self._now()))
        if start is None:
            return False
        try:
            await self._carry_out(start)
        except MayflyError as error:
            _log.warning("start failed", project=start.project, error=error.message)
            why = error
            await self._store.serial(lambda tx: self._failed(tx, start, why))
        return True

    async def _carry_out(self, start: StartRow) -> None:
        project = await self._store.read(lambda view: view.get(ProjectRow, start.project))
        if project is None or project.clone_url is None:
            await self._store.serial(lambda tx: tx.delete(StartRow, start.id))
            return
        await self._store.read(lambda view: Room(view, project))  # before anything is fetched
        found = await self._find(project, start)
        async with contextlib.AsyncExitStack() as stack:
            submission = None
            if found.chosen:
                submission = await self._prepared(stack, start, found)
            await self._store.serial(lambda tx: self._begin(tx, start, found, submission))

    async def _find(self, project: ProjectRow, start: StartRow) -> _Found:
        token = await self._credentials(project)
        remote = Remote(project.id, project.clone_url or "", project.default_branch, token)
        repository = await self._mirrors.at(
            remote,
            start.ref,
            start.sha,
            changed_files=changed_files(start),
            before=text_of(start, "before"),
            actor=start.actor,
        )
        event = event_for(start.event, repository.state, payload=start.payload)
        texts: dict[str, str] = {}
        workflows: dict[str, Workflow] = {}
        problems: list[Problem] = []
        for file in await repository.workflows():
            try:
                workflows[file.path] = read_workflow(file.data, file.path)
                texts[file.path] = file.data.decode()
            except WorkflowInvalid as error:
                problems += error.problems
        if problems and not workflows:
            raise WorkflowInvalid(problems)
        chosen = tuple(one for one in workflows.values() if _starts(one, event, start))
        return _Found(repository, event, texts, workflows, chosen)

    async def _prepared(
        self, stack: contextlib.AsyncExitStack, start: StartRow, found: _Found
    ) -> Submission:
        """Everything the runs need, kept as blobs. WorkflowInvalid for what cannot run here."""
        plans = [_plan(found, workflow) for workflow in found.chosen]
        resolving = resolve_actions(plans, found.repository, self._actions, self._home.actions)
        resolved = await stack.enter_async_context(resolving)
        source = RepositorySource(
            found.repository,
            self._home.spool,
            history=resolved.needs_history,
            ref=found.event.ref,
        )
        packed = await stack.enter_async_context(source)
        texts = {**found.texts, **resolved.texts}
        return Submission(
            runs=tuple(_request(found, one, texts, resolved) for one in found.chosen),
            source=await self._keep(start, found, "", packed.open()),
            actions={
                key: await self._keep(start, found, key, resolved.open(key))
                for key in resolved.sources
            },
        )

    async def _keep(
        self, start: StartRow, found: _Found, what: str, pieces: AsyncIterator[bytes]
    ) -> str:
        """As an upload whose name is the same when this is tried again."""
        of = f"{start.id}\0{found.repository.state.sha}\0{what}"
        name = hashlib.sha256(of.encode()).hexdigest()
        await self._uploads.keep(name, of_project(start.project), pieces)
        return name

    def _begin(self, tx: Tx, start: StartRow, found: _Found, submission: Submission | None) -> None:
        """The start is over, and its runs have begun, or neither."""
        row = tx.get(StartRow, start.id)
        project = tx.get(ProjectRow, start.project)
        if row is None or row.taken_until != start.taken_until or project is None:
            return  # it took too long, and somebody else has it now
        tx.delete(StartRow, start.id)
        if found.event.ref == f"refs/heads/{project.default_branch}":
            keep_schedules(tx, project.id, found.workflows.values(), self._now())
        if submission is not None:
            self._submissions.begin(tx, project.id, submission, start.actor, proven=True)

    def _failed(self, tx: Tx, start: StartRow, error: MayflyError) -> None:
        """Try again later; in the end, or where it can only fail again, show it as a failed run."""
        row = tx.get(StartRow, start.id)
        if row is None or row.taken_until != start.taken_until:
            return
        hopeless = isinstance(error, WorkflowInvalid) or start.tries + 1 >= _TRIES
        if not hopeless:
            wait = _BACK_OFF_S * 2**start.tries
            retry = replace(row, tries=row.tries + 1, after=self._now() + wait, taken_until=0.0)
            tx.put(retry)
            return
        tx.delete(StartRow, start.id)
        self._submissions.fail(tx, start, error.message)


def _take(tx: Tx, now: float) -> StartRow | None:
    """The oldest start that is due and that nobody works on."""
    for row in tx.find(StartRow, order="after", after__lt=now, limit=100):
        if row.taken_until < now:
            taken = replace(row, taken_until=now + _TAKEN_S)
            tx.put(taken)
            return taken
    return None


def _starts(workflow: Workflow, event: Event, start: StartRow) -> bool:
    if start.workflow is None:
        return bool(matches(workflow, event))
    trigger = workflow.trigger("schedule")
    return workflow.file == start.workflow and trigger is not None and start.cron in trigger.cron


def _plan(found: _Found, workflow: Workflow) -> RunPlan:
    return RunPlan(workflow, found.event, found.repository.state, called=found.workflows)


def _request(
    found: _Found, workflow: Workflow, texts: dict[str, str], resolved: ResolvedActions
) -> RunRequest:
    return RunRequest(
        file=workflow.file,
        texts=texts,
        event=found.event,
        repository=found.repository.state,
        actions=dict(resolved.keys),
    )
