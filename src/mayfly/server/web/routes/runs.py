"""Runs, the latest first, chosen by what a person looks for."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.visibility import projects_condition
from mayfly.server.people import projects
from mayfly.server.people.roles import Action
from mayfly.server.web.pages import render
from mayfly.server.web.views.lists import address, run_line
from mayfly.store.base import View
from mayfly.store.rows import RunRow

router = APIRouter(prefix="/runs")

_A_PAGE = 40

Filter = Annotated[str, Query(max_length=200)]
State = Literal["", "running", "success", "failure", "cancelled", "skipped"]


@router.get("")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.LOOK)],
    *,
    project: Filter = "",
    branch: Filter = "",
    event: Filter = "",
    actor: Filter = "",
    state: State = "",
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    chosen = {"project": project, "branch": branch, "event": event, "actor": actor, "state": state}

    def find(view: View) -> tuple[list[RunRow], str | None, list[str]]:
        conditions = _conditions(projects_condition(view, caller.actor, project or None), chosen)
        rows, more = page(view, RunRow, "-created", _A_PAGE, after or None, **conditions)
        return rows, more, [row.id for row in projects.visible(view, caller.actor)]

    rows, more, names = await caller.read(find)
    return render(
        request,
        caller,
        "runs.html",
        title="Runs",
        runs=[run_line(row) for row in rows],
        projects=names,
        chosen=chosen,
        is_filtered=any(chosen.values()),
        is_first=not after,
        newest=address("/runs", **chosen),
        older=address("/runs", **chosen, after=more) if more else None,
    )


def _conditions(conditions: dict[str, Any], chosen: dict[str, str]) -> dict[str, Any]:
    state = chosen["state"]
    conditions |= {name: chosen[name] for name in ("branch", "event", "actor") if chosen[name]}
    if state == "running":
        conditions["finished"] = None
    elif state:
        conditions["conclusion"] = state
    return conditions
