"""Choosing some jobs of a workflow: those, and everything they need."""

import difflib
from collections.abc import Iterable

from mayfly.domain.errors import InvalidInput
from mayfly.workflow.model import Job, Workflow


def selected_jobs(workflow: Workflow, wanted: frozenset[str]) -> tuple[Job, ...]:
    """The wanted jobs and those they need, in file order; all if none is wanted in particular."""
    if not wanted:
        return workflow.jobs
    by_id = {job.id: job for job in workflow.jobs}
    chosen: set[str] = set()
    waiting = [name for name in wanted if name in by_id]
    while waiting:
        name = waiting.pop()
        if name not in chosen:
            chosen.add(name)
            waiting += by_id[name].needs
    return tuple(job for job in workflow.jobs if job.id in chosen)


def unknown_jobs(workflows: Iterable[Workflow], names: Iterable[str]) -> InvalidInput | None:
    """The error to raise if some name is a job of none of the workflows."""
    ids = sorted({job.id for workflow in workflows for job in workflow.jobs})
    messages = []
    for name in names:
        if name not in ids:
            nearest = difflib.get_close_matches(name, ids, n=1)
            hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
            messages.append(f"no workflow has a job '{name}'{hint}")
    if not messages:
        return None
    return InvalidInput("; ".join(messages), remedy=f"the jobs are {', '.join(ids)}")
