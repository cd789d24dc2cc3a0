"""What `mayfly plan` finds out: every job of every chosen workflow, in the order of its stages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mayfly.cli.request import Request
from mayfly.cli.selection import Selection, select
from mayfly.domain.job import Conclusion
from mayfly.services.config import load_config
from mayfly.system.home import Home
from mayfly.workflow.actions import RemoteAction, used_actions
from mayfly.workflow.plan import advance
from mayfly.workflow.planned import Advance, PlannedJob, PlannedState, RunPlan
from mayfly.workflow.support import is_checkout


@dataclass(frozen=True, slots=True)
class OutlookJob:
    """`stage` counts from 1: jobs of one stage wait for jobs of earlier ones only."""

    planned: PlannedJob
    stage: int

    @property
    def refused(self) -> bool:
        """It can never run as it is written. A job for another system is merely left out."""
        job = self.planned
        return job.state is PlannedState.REJECTED and job.conclusion is not Conclusion.SKIPPED


@dataclass(frozen=True, slots=True)
class OutlookRun:
    """`actions` are those of other repositories that a run fetches first."""

    plan: RunPlan
    name: str
    note: str | None
    jobs: tuple[OutlookJob, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    selection: Selection
    runs: tuple[OutlookRun, ...]

    @property
    def refused(self) -> bool:
        return any(job.refused for run in self.runs for job in run.jobs)


async def make_outlook(request: Request) -> Outlook:
    """Raises InvalidInput for what concerns a whole run, WorkflowInvalid for bad files."""
    config = load_config(Home.default())
    selection = await select(request)
    plans = selection.plans(request, variables=config.vars, labels=config.labels)
    notes = {chosen.workflow.file: chosen.note for chosen in selection.chosen}
    runs = [_run(plan, notes[plan.workflow.file]) for plan in plans]
    return Outlook(selection, tuple(runs))


def _run(plan: RunPlan, note: str | None) -> OutlookRun:
    planned = advance(plan, {})
    stages = _stages(planned)
    jobs = [OutlookJob(job, stages[job.key]) for job in planned.jobs]
    jobs.sort(key=lambda job: job.stage)  # stable: else in the order of the file
    return OutlookRun(plan, planned.name, note, tuple(jobs), tuple(fetched_first(plan)))


def _stages(planned: Advance) -> Mapping[str, int]:
    """Depth in the graph of needs, which has no cycles: the reader refuses them."""
    needs = {job.key: job.needs for job in planned.jobs}
    found: dict[str, int] = {}
    waiting = list(needs)
    while waiting:
        key = waiting[-1]
        open_needs = [need for need in needs[key] if need in needs and need not in found]
        if open_needs:
            waiting += open_needs
            continue
        waiting.pop()
        before = (found[need] for need in needs[key] if need in found)
        found[key] = 1 + max(before, default=0)
    return found


def fetched_first(plan: RunPlan) -> Iterator[str]:
    """The actions of other repositories that its steps use, each once."""
    seen = set()
    for used in used_actions(plan.workflow):
        remote = isinstance(used.ref, RemoteAction) and not is_checkout(used.uses)
        if remote and used.uses not in seen:
            seen.add(used.uses)
            yield used.uses
