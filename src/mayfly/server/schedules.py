"""Schedules: what a default branch's workflows ask for, and what is due. Serial transactions."""

from collections.abc import Iterable
from dataclasses import replace

from mayfly.domain.errors import InvalidInput
from mayfly.store.base import Tx
from mayfly.store.rows import ProjectRow, ScheduleRow, StartRow
from mayfly.workflow.cron import parse_cron
from mayfly.workflow.model import Workflow

STARTS = "starts"
"""Announced when there is a StartRow to work on."""

_AT_ONCE = 100


def keep_schedules(tx: Tx, project: str, workflows: Iterable[Workflow], now: float) -> None:
    """Make a project's schedules those of its workflows; one that stays keeps its time.

    A cron that is wrong or never comes due is left out.
    """
    wanted = {
        f"{project}/{workflow.file}/{cron}": (workflow.file, cron)
        for workflow in workflows
        for trigger in workflow.triggers
        for cron in trigger.cron
    }
    known = {row.id for row in tx.find(ScheduleRow, project=project)}
    for gone in known - wanted.keys():
        tx.delete(ScheduleRow, gone)
    for key in wanted.keys() - known:
        file, cron = wanted[key]
        try:
            due = parse_cron(cron).next_after(now)
        except InvalidInput:
            continue
        tx.add(ScheduleRow(id=key, project=project, workflow=file, cron=cron, next_at=due))


def fire_due(tx: Tx, now: float) -> int:
    """Write down a start for each schedule that is due, once, however late; says how many."""
    due = tx.find(ScheduleRow, order="next_at", next_at__lt=now, limit=_AT_ONCE)
    for row in due:
        project = tx.get(ProjectRow, row.project)
        if project is not None and project.native_on_push:
            start = StartRow(
                id=f"{row.id}@{row.next_at:.0f}",
                project=row.project,
                event="schedule",
                ref=f"refs/heads/{project.default_branch}",
                payload={"schedule": row.cron},
                workflow=row.workflow,
                cron=row.cron,
            )
            if tx.get(StartRow, start.id) is None:
                tx.add(start)
        tx.put(replace(row, next_at=parse_cron(row.cron).next_after(now)))
    if due:
        tx.announce(STARTS)
    return len(due)
