"""Everything the workflows of a run use from elsewhere, found before anything starts.

From the jobs that will run: reusable workflows are read, wherever they are; then each action,
and what composite actions use in turn. Whatever is missing, cannot be fetched or is not supported
is told at once, with all the places it is used at.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mayfly.domain.errors import InvalidInput, Location, Problem, WorkflowInvalid
from mayfly.domain.job import Conclusion
from mayfly.services.action_store import ActionSource, ActionStore
from mayfly.services.checkouts import fills_folder, wants_history
from mayfly.services.config import ActionSettings
from mayfly.services.loading import Loader, Refused, together
from mayfly.services.repository import Repository
from mayfly.services.scratch import scratch, scratch_of
from mayfly.workflow.model import Action, Call, Job, Step, Workflow
from mayfly.workflow.plan import advance
from mayfly.workflow.planned import PlannedJob, PlannedState, RunPlan
from mayfly.workflow.support import (
    is_checkout,
    unsupported_action,
    unsupported_in_job,
    unsupported_steps,
)

_JOB_ID = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class ResolvedActions:
    """`keys` maps the `uses` of fetched actions to the names machines ask for them by.

    `called` has the reusable workflows, local ones by path and others by their whole `uses`.
    `texts` are what those were read from. `needs_history` tells whether some checkout wants more
    than the commit that is run.
    """

    keys: Mapping[str, str]
    called: Mapping[str, Workflow]
    texts: Mapping[str, str]
    needs_history: bool
    sources: Mapping[str, ActionSource]

    def into(self, plan: RunPlan) -> RunPlan:
        """The same plan, with everything it uses."""
        return replace(plan, called={**plan.called, **self.called}, actions=self.keys)

    async def open(self, key: str) -> AsyncIterator[bytes]:
        """An action's repository as a tar. InvalidInput for a key that is none of this run."""
        source = self.sources.get(key)
        if source is None:
            raise InvalidInput(f"no job of this run uses the action {key!r}")
        async for piece in source.stream():
            yield piece


@contextlib.asynccontextmanager
async def resolve_actions(
    plans: Sequence[RunPlan], repository: Repository, settings: ActionSettings, cache: Path
) -> AsyncIterator[ResolvedActions]:
    """What the jobs of these plans use; served as long as the block lasts.

    `cache` is filled with what is fetched. WorkflowInvalid has every problem of every workflow.
    """
    with scratch(scratch_of(cache)) as work:
        called = plans[0].called if plans else {}
        search = _Search(Loader(repository, ActionStore(settings, cache, work), called))
        yield await search.run(plans)


@dataclass(frozen=True, slots=True)
class _Use:
    """A step; `via` is where the composite action it belongs to is used."""

    step: Step
    via: Location | None = None


class _Search:
    def __init__(self, loader: Loader):
        self._loader = loader
        self._calls: list[Call] = []
        self._uses: list[_Use] = []
        self._called: dict[str, Workflow] = {}
        self._seen: set[str] = set()
        self._problems: set[Problem] = set()
        self._needs_history = False
        self._fills_folder = False

    async def run(self, plans: Sequence[RunPlan]) -> ResolvedActions:
        for workflow, ids in _running(plans):
            self._add(job for job in workflow.jobs if job.id in ids)
        await self._follow_calls()
        await self._follow_uses()
        if self._problems:
            raise WorkflowInvalid(list(self._problems))
        loader = self._loader
        return ResolvedActions(
            loader.keys, self._called, loader.texts, self._needs_history, loader.sources
        )

    def _add(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._problems.update(unsupported_in_job(job))
            if job.call is not None:
                self._calls.append(job.call)
            self._add_steps([_Use(step) for step in job.steps])

    def _add_steps(self, uses: Iterable[_Use]) -> None:
        for use in uses:
            self._needs_history |= wants_history(use.step)
            self._fills_folder |= fills_folder(use.step)
            if use.step.uses and not is_checkout(use.step.uses):
                self._uses.append(use)

    async def _follow_calls(self) -> None:
        """Enter each called workflow once."""
        while self._calls:
            calls, self._calls = self._calls, []
            new = sorted({call.uses for call in calls} - self._seen)
            self._seen.update(new)
            await together(self._loader.workflow(uses) for uses in new)
            for uses in new:
                found = self._loader.workflows[uses]
                if isinstance(found, Workflow):
                    self._called[uses.removeprefix("./")] = found
                    self._add(found.jobs)
            for call in calls:
                self._note(self._loader.workflows[call.uses], call.uses, call.uses_at, None)

    async def _follow_uses(self) -> None:
        """Enter each composite action once."""
        while self._uses:
            uses, self._uses = self._uses, []
            wanted = [use for use in uses if not list(unsupported_steps((use.step,)))]
            new = {use.step.uses or "": use for use in reversed(wanted)}
            new = {name: use for name, use in sorted(new.items()) if name not in self._seen}
            self._seen.update(new)
            await together(self._loader.action(name) for name in new)
            for name, first in new.items():
                found = self._loader.actions[name]
                if isinstance(found, Action):
                    self._enter(found, first)
            for use in wanted:
                self._judge(use)

    def _enter(self, action: Action, first: _Use) -> None:
        via = first.via or first.step.uses_at or first.step.location
        for problem in unsupported_steps(action.steps):
            self._complain(problem, via)
        self._add_steps([_Use(step, via) for step in action.steps])

    def _judge(self, use: _Use) -> None:
        step, name = use.step, use.step.uses or ""
        found = self._loader.actions[name]
        if isinstance(found, Action):
            problem = unsupported_action(step, found)
            if problem is not None:
                self._complain(problem, use.via)
        elif not (found.may_come and self._fills_folder):
            self._note(found, name, step.uses_at or step.location, use.via)

    def _note(self, found: object, uses: str, place: Location | None, via: Location | None) -> None:
        if not isinstance(found, Refused):
            return
        self._problems.update(found.problems)
        if found.reason is not None and place is not None:
            message = f"'{uses}': {found.reason}"
            self._complain(Problem(place.file, place.line, place.column, message), via)

    def _complain(self, problem: Problem, via: Location | None) -> None:
        if via is not None:
            problem = replace(problem, message=f"{problem.message} (used by {via})")
        self._problems.add(problem)


def _running(plans: Sequence[RunPlan]) -> list[tuple[Workflow, set[str]]]:
    """The workflows, each with the jobs that will run unless others fail."""
    found: dict[str, tuple[Workflow, set[str]]] = {}
    for plan in plans:
        _, ids = found.setdefault(plan.workflow.file, (plan.workflow, set()))
        ids.update(_top_level(job) for job in advance(plan, {}).jobs if _may_run(job))
    return list(found.values())


def _may_run(job: PlannedJob) -> bool:
    return job.state is not PlannedState.SKIPPED and job.conclusion is not Conclusion.SKIPPED


def _top_level(job: PlannedJob) -> str:
    """The job of the workflow itself: `deploy` of `deploy / build`, `test` of `test (3.12)`."""
    found = _JOB_ID.match(job.key)
    assert found is not None
    return found[0]
