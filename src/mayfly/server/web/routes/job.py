"""A job, with its log as it is printed."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import jobs
from mayfly.server.api.access import Caller, may
from mayfly.server.people.roles import Action, allowed
from mayfly.server.waiting import why_they_wait
from mayfly.server.web.pages import Crumb, can, render
from mayfly.server.web.views import job as views

router = APIRouter(prefix="/jobs")


@router.get("/{job}")
async def show(request: Request, caller: Annotated[Caller, may(Action.RUN_READ)]) -> HTMLResponse:
    row, run = caller.the_job, caller.the_run
    found = await caller.read(lambda view: views.find(view, row, run))
    why = await why_they_wait(caller.services, [row])
    page = views.job_page(found, why(row.id))
    return render(
        request,
        caller,
        "job.html",
        title=page.name,
        crumbs=(
            Crumb(run.project, f"/projects/{run.project}"),
            Crumb(f"{run.name} #{run.number}", f"/runs/{run.id}"),
        ),
        view=page,
        may_cancel=can(caller, Action.RUN_CANCEL),
        sees_hosts=allowed(caller.actor, Action.HOST_READ),
    )


@router.post("/{job}/cancel")
async def cancel(
    job: jobs.JobPath, caller: Annotated[Caller, may(Action.RUN_CANCEL)]
) -> RedirectResponse:
    await jobs.cancel_job(job, caller)
    return RedirectResponse(f"/jobs/{job}", 303)
