"""Leaves jobs in GitHub's queue for which their project has no room here.

There they are seen to wait, for a day at most, and nothing is lost: they get a place as soon as
others of the project have ended.
"""

from collections.abc import Iterable
from dataclasses import replace

from mayfly.forges.github.demand import Plan, Waiting
from mayfly.server.quota import room
from mayfly.store.base import View
from mayfly.store.forge_rows import ForgeJobRow
from mayfly.store.rows import ProjectRow


def with_room(view: View, queued: Iterable[ForgeJobRow], plan: Plan) -> Plan:
    """Of the places to be made those that their projects' quotas of unfinished jobs allow.

    `queued` are the rows of all jobs that the plan is about.
    """
    projects = {(row.job, row.attempt): row.project for row in queued}
    left: dict[str, int | None] = {}
    kept: list[Waiting] = []
    for one in plan.make:
        project = projects[one.key]
        if project not in left:
            row = view.get(ProjectRow, project)
            left[project] = room(view, row) if row else None
        free = left[project]
        if free is None:
            kept.append(one)
        elif free > 0:
            left[project] = free - 1
            kept.append(one)
    return replace(plan, make=tuple(kept))
