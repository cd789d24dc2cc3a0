"""The people of a project: members, and invitations for who is not known yet."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from mayfly.server.api import invitations as invitation_api
from mayfly.server.api import members as api
from mayfly.server.api.access import Caller, may
from mayfly.server.api.projects import IN_PROJECT
from mayfly.server.people.roles import Action
from mayfly.server.web.forms import asked, back_to
from mayfly.server.web.pages import Crumb, can, render
from mayfly.store.people import Role, UserRow

router = APIRouter(prefix="/projects/{owner}/{name}", dependencies=IN_PROJECT)

_USER = r"^[a-z0-9](?:[a-z0-9._-]{0,38})$"
_USER_OR_EMAIL = rf"{_USER}|^[^@\s]{{1,64}}@[^@\s]{{1,190}}$"
_DAY_S = 86400.0

Days = Annotated[float, Form(ge=1, le=30)]


@router.get("/members")
async def show(
    request: Request, caller: Annotated[Caller, may(Action.MEMBER_READ)]
) -> HTMLResponse:
    return await _page(request, caller)


@router.post("/members")
async def add(
    request: Request,
    caller: Annotated[Caller, may(Action.MEMBER_WRITE)],
    who: Annotated[str, Form(pattern=_USER_OR_EMAIL)],
    role: Annotated[Role, Form()],
) -> Response:
    """A user by name or address; who is not known by that address is invited."""
    user = who
    if "@" in who:
        email = who.lower()
        known = await caller.read(lambda view: view.find(UserRow, email=email, limit=1))
        if not known:
            return await _invited(request, caller, role=role, email=who)
        user = known[0].id
    await api.set_member(user, asked(api.Membership, role=role), caller)
    return back_to(_here(caller))


@router.post("/members/{user}")
async def change(
    user: str,
    caller: Annotated[Caller, may(Action.MEMBER_WRITE)],
    role: Annotated[Role, Form()],
) -> RedirectResponse:
    await api.set_member(user, asked(api.Membership, role=role), caller)
    return back_to(_here(caller))


@router.post("/members/{user}/remove")
async def remove(
    user: str, caller: Annotated[Caller, may(Action.MEMBER_WRITE)]
) -> RedirectResponse:
    await api.remove_member(user, caller)
    return back_to(_here(caller))


@router.post("/invitations")
async def invite(
    request: Request,
    caller: Annotated[Caller, may(Action.INVITATION_WRITE)],
    role: Annotated[Role, Form()],
    days: Days = 7,
) -> HTMLResponse:
    """Shows the link, once."""
    return await _invited(request, caller, role=role, expires_in_s=days * _DAY_S)


@router.post("/invitations/{invitation}/withdraw")
async def withdraw(
    invitation: str, caller: Annotated[Caller, may(Action.INVITATION_WRITE)]
) -> RedirectResponse:
    await invitation_api.withdraw(invitation, caller)
    return back_to(_here(caller))


async def _invited(request: Request, caller: Caller, **wanted: object) -> HTMLResponse:
    body = asked(invitation_api.NewInvitation, **wanted)
    return await _page(request, caller, await invitation_api.invite(body, caller))


async def _page(
    request: Request, caller: Caller, issued: invitation_api.IssuedInvitation | None = None
) -> HTMLResponse:
    project = caller.the_project.id
    sees = can(caller, Action.INVITATION_READ)
    return render(
        request,
        caller,
        "members.html",
        title="Members",
        crumbs=(Crumb("Projects", "/projects"), Crumb(project, f"/projects/{project}")),
        members=await api.list_members(caller),
        invitations=await invitation_api.list_invitations(caller) if sees else [],
        may_write=can(caller, Action.MEMBER_WRITE),
        has_providers=bool(caller.services.sign_in.providers),
        roles=[role.value for role in Role],
        issued=issued,
        project=project,
        here=f"/projects/{project}",
    )


def _here(caller: Caller) -> str:
    return f"/projects/{caller.the_project.id}/members"
