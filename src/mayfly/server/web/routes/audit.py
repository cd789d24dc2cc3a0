"""Who did what, when, from where: on the whole server, or in a project."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from mayfly.server.api import people as api
from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import IN_PROJECT
from mayfly.server.api.said import Page
from mayfly.server.people.roles import Action
from mayfly.server.web.forms import asked
from mayfly.server.web.pages import Crumb, render
from mayfly.server.web.views.lists import address

router = APIRouter()

_A_PAGE = 100

Filter = Annotated[str, Query(max_length=200)]
After = Annotated[str, Query(max_length=500)]


@router.get("/audit")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.AUDIT_READ)],
    *,
    actor: Filter = "",
    action: Filter = "",
    project: Filter = "",
    after: After = "",
) -> HTMLResponse:
    chosen = {"actor": actor, "action": action, "project": project}
    given = {name: value for name, value in chosen.items() if value}
    listing = asked(api.SiteAuditListing, limit=_A_PAGE, after=after or None, **given)
    found = await api.list_audit(caller, listing)
    return _page(request, caller, found, chosen=chosen, path="/audit", is_first=not after)


@router.get("/projects/{owner}/{name}/audit", dependencies=IN_PROJECT)
async def show_of_project(
    request: Request,
    caller: Annotated[Caller, may(Action.PROJECT_AUDIT_READ)],
    *,
    actor: Filter = "",
    action: Filter = "",
    after: After = "",
) -> HTMLResponse:
    chosen = {"actor": actor, "action": action}
    given = {name: value for name, value in chosen.items() if value}
    listing = asked(api.AuditListing, limit=_A_PAGE, after=after or None, **given)
    found = await api.list_project_audit(caller, listing)
    project = caller.the_project.id
    crumbs = (Crumb("Projects", "/projects"), Crumb(project, f"/projects/{project}"))
    return _page(
        request,
        caller,
        found,
        chosen=chosen,
        path=f"/projects/{project}/audit",
        is_first=not after,
        crumbs=crumbs,
    )


def _page(
    request: Request,
    caller: Caller,
    found: Page[api.Noted],
    *,
    chosen: dict[str, str],
    path: str,
    is_first: bool,
    crumbs: tuple[Crumb, ...] = (),
) -> HTMLResponse:
    return render(
        request,
        caller,
        "audit.html",
        title="Audit",
        crumbs=crumbs,
        items=[(one, _details(one.details)) for one in found.items],
        chosen=chosen,
        here=path,
        is_filtered=any(chosen.values()),
        newest=None if is_first else address(path, **chosen),
        older=address(path, **chosen, after=found.next) if found.next else None,
    )


def _details(details: dict[str, object]) -> str:
    return ", ".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in details.items()
        if value not in (None, "", [], {})
    )
