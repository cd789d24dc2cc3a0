"""Reads the workflows and actions that `uses` names: from the clone, or fetched."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass, replace

from mayfly.domain.errors import HostCannot, InvalidInput, Problem, WorkflowInvalid
from mayfly.services.action_store import ActionSource, ActionStore, ActionUnavailable
from mayfly.services.repository import Repository
from mayfly.workflow.action import read_action
from mayfly.workflow.actions import ActionRef, LocalAction, RemoteAction, parse_uses
from mayfly.workflow.document import MAX_BYTES
from mayfly.workflow.model import Action, Workflow
from mayfly.workflow.reader import read_workflow

_ACTION_FILES = ("action.yml", "action.yaml")


@dataclass(frozen=True, slots=True)
class Refused:
    """Why something cannot be used (told at each place it is), or what is wrong in its file.

    `may_come`: the clone lacks it, but a job could put it there.
    """

    reason: str | None = None
    problems: tuple[Problem, ...] = ()
    may_come: bool = False


class Loader:
    """What was loaded, by `uses`. `keys` and `sources` are those of fetched actions.

    `texts` are of the workflows that were read here, local ones by path.
    """

    def __init__(self, repository: Repository, store: ActionStore, known: Mapping[str, Workflow]):
        """`known` are workflows of the clone that have been read, by path."""
        self._repository = repository
        self._store = store
        self._known = known
        self.workflows: dict[str, Workflow | Refused] = {}
        self.actions: dict[str, Action | Refused] = {}
        self.texts: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.sources: dict[str, ActionSource] = {}

    async def workflow(self, uses: str) -> None:
        """Load into `workflows`. In a fetched one, local calls become calls of that repository."""
        try:
            self.workflows[uses] = await self._workflow(parse_uses(uses), uses)
        except (ActionUnavailable, InvalidInput) as error:
            self.workflows[uses] = _refused(error)

    async def action(self, uses: str) -> None:
        """Load into `actions`, and its key into `keys` if it is fetched."""
        try:
            self.actions[uses] = await self._action(parse_uses(uses), uses)
        except (ActionUnavailable, InvalidInput) as error:
            self.actions[uses] = _refused(error)

    async def _workflow(self, ref: ActionRef, uses: str) -> Workflow | Refused:
        if isinstance(ref, LocalAction) and (known := self._known.get(ref.path)) is not None:
            return known
        if isinstance(ref, LocalAction | RemoteAction):
            data = await self._read(ref, ref.path)
            if data is not None:
                self.texts[uses.removeprefix("./")] = data.decode(errors="replace")
            if data is not None and isinstance(ref, RemoteAction):
                return read_called(uses, data)
            if data is not None:
                return read_workflow(data, ref.path)
        return Refused("there is no such workflow")

    async def _action(self, ref: ActionRef, uses: str) -> Action | Refused:
        if not isinstance(ref, LocalAction | RemoteAction):
            return Refused("container actions are not supported yet")
        folder = "" if ref.path in {"", "."} else f"{ref.path}/"
        for name in _ACTION_FILES:
            data = await self._read(ref, folder + name)
            if data is not None:
                if isinstance(ref, LocalAction):
                    return read_action(data, folder + name)
                await self._serve(ref, uses)
                return read_action(data, f"{uses}/{name}")
        if await self._read(ref, f"{folder}Dockerfile") is not None:
            return Refused("is a Docker action: not supported yet")
        local = isinstance(ref, LocalAction)
        place = "this repository" if isinstance(ref, LocalAction) else ref.full_name
        return Refused(f"{place} has no {folder}action.yml or action.yaml", may_come=local)

    async def _serve(self, ref: RemoteAction, uses: str) -> None:
        source = await self._store.get(ref)
        self.keys[uses] = source.key
        self.sources[source.key] = source

    async def _read(self, ref: LocalAction | RemoteAction, path: str) -> bytes | None:
        """The start of a file, as much as the readers take and a byte more."""
        if isinstance(ref, LocalAction):
            return await self._repository.tree.read(path, MAX_BYTES + 1)
        source = await self._store.get(ref)
        return await asyncio.to_thread(source.read, path, MAX_BYTES + 1)


async def together(work: Iterable[Awaitable[None]]) -> None:
    """All at the same time. The first failure cancels the rest, waits for it, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for awaitable in work:
                group.create_task(_of(awaitable))
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
        if isinstance(first, OSError):
            raise HostCannot(f"cannot keep a fetched action: {first}") from first
        raise first from None


async def _of(awaitable: Awaitable[None]) -> None:
    await awaitable


def _refused(error: ActionUnavailable | InvalidInput) -> Refused:
    if isinstance(error, WorkflowInvalid):
        return Refused(problems=error.problems)
    if isinstance(error, InvalidInput) and error.remedy:
        return Refused(f"{error.message} (expected {error.remedy})")
    return Refused(str(error))


def read_called(uses: str, data: bytes) -> Workflow:
    """A reusable workflow of another repository. WorkflowInvalid; InvalidInput for `uses`."""
    ref = parse_uses(uses)
    if not isinstance(ref, RemoteAction):
        raise InvalidInput(f"{uses!r} is no workflow of another repository")
    return _at_home_in(ref, read_workflow(data, uses))


def _at_home_in(ref: RemoteAction, workflow: Workflow) -> Workflow:
    def called(uses: str) -> str:
        local = uses.startswith("./")
        return f"{ref.full_name}/{uses.removeprefix('./')}@{ref.ref}" if local else uses

    jobs = tuple(
        job
        if job.call is None
        else replace(job, call=replace(job.call, uses=called(job.call.uses)))
        for job in workflow.jobs
    )
    return replace(workflow, jobs=jobs)
