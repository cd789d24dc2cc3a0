"""What was used, by whom, and whether that is more than before."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from mayfly.server.api.access import Caller, may
from mayfly.server.people import projects
from mayfly.server.people.roles import Action, Subject, allowed
from mayfly.server.refusals import NotFound
from mayfly.server.web.pages import render
from mayfly.server.web.views import insights
from mayfly.store.base import View
from mayfly.store.rows import MeteringRow

router = APIRouter(prefix="/insights")


@router.get("")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.SELF_READ)],
    days: Annotated[Literal["1", "7", "28"], Query()] = "7",
    project: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Of the projects whose insights the caller may read."""
    now, period = caller.services.now(), int(days)

    def find(view: View) -> tuple[list[str], list[MeteringRow]]:
        names = [
            row.id
            for row in projects.visible(view, caller.actor)
            if allowed(caller.actor, Action.INSIGHT_READ, Subject(row.id, row.public))
        ]
        if project and project not in names:
            raise NotFound(f"there is no project {project}")
        wanted = (project,) if project else tuple(names)
        return names, insights.find(view, period, now, project=wanted) if wanted else []

    names, rows = await caller.read(find)
    return render(
        request,
        caller,
        "insights.html",
        title="Insights",
        view=insights.insights_of(rows, period, now),
        periods=insights.PERIODS,
        projects=names,
        project=project,
    )
