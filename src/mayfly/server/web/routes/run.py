"""A run, what waits in it for a person, and what a person can do with it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import reviews, runs
from mayfly.server.api.access import Caller, may
from mayfly.server.api.said import Text
from mayfly.server.people.roles import Action, allowed
from mayfly.server.waiting import why_they_wait
from mayfly.server.web.pages import Crumb, can, render
from mayfly.server.web.views import run as views

router = APIRouter(prefix="/runs")


@router.get("/{run}")
async def show(request: Request, caller: Annotated[Caller, may(Action.RUN_READ)]) -> HTMLResponse:
    row = caller.the_run
    reviewing = can(caller, Action.REVIEW_READ)
    found = await caller.read(lambda view: views.find(view, row, with_reviews=reviewing))
    services = caller.services
    why = await why_they_wait(services, found.jobs)
    return render(
        request,
        caller,
        "run.html",
        title=f"{row.name} #{row.number}",
        crumbs=(Crumb("Runs", "/runs"), Crumb(row.project, f"/projects/{row.project}")),
        view=views.run_page(found, caller.actor.user, why, services.now()),
        may_cancel=can(caller, Action.RUN_CANCEL),
        may_retry=can(caller, Action.RUN_RETRY),
        may_decide=can(caller, Action.REVIEW_DECIDE),
        sees_hosts=allowed(caller.actor, Action.HOST_READ),
    )


@router.post("/{run}/cancel")
async def cancel(
    run: runs.RunPath,
    caller: Annotated[Caller, may(Action.RUN_CANCEL)],
    force: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    await runs.cancel_run(run, runs.Cancellation(force=force), caller)
    return RedirectResponse(f"/runs/{run}", 303)


@router.post("/{run}/retry")
async def retry(
    run: runs.RunPath,
    caller: Annotated[Caller, may(Action.RUN_RETRY)],
    failed_only: Annotated[bool, Form()] = False,
) -> RedirectResponse:
    made = await runs.retry_run(run, runs.Retry(failed_only=failed_only), caller)
    return RedirectResponse(f"/runs/{made.id}", 303)


@router.post("/{run}/reviews")
async def decide(
    run: runs.RunPath,
    caller: Annotated[Caller, may(Action.REVIEW_DECIDE)],
    environment: Annotated[str, Form(min_length=1, max_length=100)],
    approve: Annotated[bool, Form()],
    comment: Annotated[Text, Form()] = "",
) -> RedirectResponse:
    wanted = reviews.Decision(environment=environment, approve=approve, comment=comment)
    await reviews.review(run, wanted, caller)
    return RedirectResponse(f"/runs/{run}", 303)
