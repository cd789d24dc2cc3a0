"""Jobs in a list: what the numbers of other pages count."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from mayfly.domain.job import JobState
from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.visibility import projects_condition
from mayfly.server.people import projects
from mayfly.server.people.roles import Action, allowed
from mayfly.server.waiting import why_they_wait
from mayfly.server.web.pages import render
from mayfly.server.web.views.lists import address, listed_jobs
from mayfly.server.web.views.now import ON_HOSTS
from mayfly.store.base import View
from mayfly.store.rows import JobRow, RunRow

router = APIRouter(prefix="/jobs")

_A_PAGE = 50
_STATES: dict[str, tuple[JobState, ...]] = {
    "running": ON_HOSTS,
    **{state.value: (state,) for state in JobState if state not in ON_HOSTS},
}

Filter = Annotated[str, Query(max_length=200)]
State = Literal[
    "",
    "blocked",
    "queued",
    "running",
    "succeeded",
    "failed",
    "timed_out",
    "lost",
    "cancelled",
    "skipped",
    "rejected",
]


@router.get("")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.LOOK)],
    *,
    project: Filter = "",
    host: Filter = "",
    state: State = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    chosen = {"project": project, "host": host, "state": state}

    def find(view: View) -> tuple[list[JobRow], str | None, dict[str, RunRow], list[str]]:
        conditions = projects_condition(view, caller.actor, project or None)
        conditions |= {"state": _STATES[state]} if state else {}
        conditions |= {"host": host} if host else {}
        rows, more = page(view, JobRow, "-id", _A_PAGE, after or None, **conditions)
        wanted = tuple({row.run for row in rows})
        runs = {row.id: row for row in view.find(RunRow, id=wanted)} if wanted else {}
        return rows, more, runs, [row.id for row in projects.visible(view, caller.actor)]

    rows, more, runs, names = await caller.read(find)
    return render(
        request,
        caller,
        "jobs.html",
        title="Jobs",
        jobs=listed_jobs(rows, runs, await why_they_wait(caller.services, rows)),
        projects=names,
        states=list(_STATES),
        chosen=chosen,
        is_filtered=any(chosen.values()),
        is_first=not after,
        newest=address("/jobs", **chosen),
        older=address("/jobs", **chosen, after=more) if more else None,
        sees_hosts=allowed(caller.actor, Action.HOST_READ),
    )
