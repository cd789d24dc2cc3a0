"""What was used, by whom, and whether that is more than before."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from mayfly.server.api.access import Caller, may
from mayfly.server.api.insights import Days, collect
from mayfly.server.insights import PERIODS
from mayfly.server.people.projects import visible
from mayfly.server.people.roles import Action
from mayfly.server.refusals import NotFound
from mayfly.server.web.pages import render
from mayfly.server.web.views.insights import insights_page
from mayfly.store.base import View

router = APIRouter(prefix="/insights")


@router.get("")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.SELF_READ)],
    days: Days = 7,
    project: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Of the projects whose insights the caller may read."""

    def mine(view: View) -> list[str]:
        return [row.id for row in visible(view, caller.actor, Action.INSIGHT_READ)]

    names = await caller.read(mine)
    if project and project not in names:
        raise NotFound(f"there is no project {project}")
    services = caller.services
    wanted = (project,) if project else tuple(names)
    found = await collect(services.store, services.now(), days, wanted)
    return render(
        request,
        caller,
        "insights.html",
        title="Insights",
        view=insights_page(found),
        days=days,
        periods=PERIODS,
        projects=names,
        project=project,
    )
