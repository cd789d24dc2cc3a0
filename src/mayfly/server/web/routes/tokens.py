"""API tokens of who is signed in."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.server.api import people as api
from mayfly.server.api.access import Caller, may
from mayfly.server.people.roles import Action, includes
from mayfly.server.web.forms import asked, back_to
from mayfly.server.web.pages import render
from mayfly.store.people import Scope

router = APIRouter(prefix="/tokens")

_DAY_S = 86400.0


@router.get("")
async def show(request: Request, caller: Annotated[Caller, may(Action.TOKEN_READ)]) -> HTMLResponse:
    return await _page(request, caller)


@router.post("")
async def create(
    request: Request,
    caller: Annotated[Caller, may(Action.TOKEN_WRITE)],
    *,
    called: Annotated[str, Form(min_length=1, max_length=200)],
    scope: Annotated[Scope, Form()],
    days: Annotated[float | None, Form(gt=0, le=366)] = None,
    project: Annotated[str, Form(max_length=201)] = "",
) -> HTMLResponse:
    """Shows the token, once."""
    wanted = asked(
        api.NewToken,
        name=called,
        scopes=[scope],
        expires_in_s=days * _DAY_S if days else None,
        project=project.strip() or None,
    )
    return await _page(request, caller, await api.create_token(wanted, caller))


@router.post("/{token}/revoke")
async def revoke(
    token: str, caller: Annotated[Caller, may(Action.TOKEN_WRITE)]
) -> RedirectResponse:
    await api.revoke_token(token, caller)
    return back_to("/tokens")


async def _page(
    request: Request, caller: Caller, issued: api.IssuedToken | None = None
) -> HTMLResponse:
    return render(
        request,
        caller,
        "tokens.html",
        title="Tokens",
        tokens=await api.list_tokens(caller),
        scopes=[scope.value for scope in Scope if includes(caller.actor.scopes, scope)],
        projects=sorted(caller.actor.roles),
        issued=issued,
        base_url=caller.services.settings.base_url,
    )
