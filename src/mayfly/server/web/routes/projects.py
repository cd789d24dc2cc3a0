"""Projects in a list, and new ones."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import projects as api
from mayfly.server.api.access import Caller, may
from mayfly.server.people import projects
from mayfly.server.people.roles import Action, allowed
from mayfly.server.web.forms import Check, asked, back_to
from mayfly.server.web.pages import render
from mayfly.server.web.views.now import count_jobs
from mayfly.store.base import View
from mayfly.store.rows import ProjectRow

router = APIRouter(prefix="/projects")

_MOST = 200


@router.get("")
async def show_all(request: Request, caller: Annotated[Caller, may(Action.LOOK)]) -> HTMLResponse:
    def find(view: View) -> tuple[int, list[tuple[ProjectRow, int, int]]]:
        rows = projects.visible(view, caller.actor)
        return len(rows), [(row, *count_jobs(view, row.id)) for row in rows[:_MOST]]

    number, listed = await caller.read(find)
    return render(
        request,
        caller,
        "projects.html",
        title="Projects",
        projects=listed,
        left_out=number - len(listed),
        roles=caller.actor.roles,
        may_create=allowed(caller.actor, Action.PROJECT_CREATE),
    )


@router.post("")
async def create(
    caller: Annotated[Caller, may(Action.PROJECT_CREATE)],
    project: Annotated[str, Form(max_length=201)],
    public: Check = False,
) -> RedirectResponse:
    made = await api.create_project(asked(api.NewProject, id=project, public=public), caller)
    return back_to(f"/projects/{made.id}")
