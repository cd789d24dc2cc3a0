"""What happens now."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from mayfly.server.api.access import Caller, may
from mayfly.server.people import projects
from mayfly.server.people.roles import Action, allowed
from mayfly.server.waiting import why_they_wait
from mayfly.server.web.pages import render
from mayfly.server.web.views import now
from mayfly.store.base import View

router = APIRouter()


@router.get("/")
async def show(request: Request, caller: Annotated[Caller, may(Action.LOOK)]) -> HTMLResponse:
    with_hosts = allowed(caller.actor, Action.HOST_READ)

    def find(view: View) -> now.Found:
        return now.find(view, projects.visible(view, caller.actor), with_hosts=with_hosts)

    found = await caller.read(find)
    services = caller.services
    why = await why_they_wait(services, found.queued)
    return render(
        request,
        caller,
        "now.html",
        title="Now",
        view=now.now_of(found, why),
        with_hosts=with_hosts,
        base_url=services.settings.base_url,
    )
