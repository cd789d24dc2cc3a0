"""Everybody whom this server knows, for its administrators."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from mayfly.server.api import people as api
from mayfly.server.api.access import Caller, may
from mayfly.server.api.said import Listing
from mayfly.server.people.roles import Action
from mayfly.server.web.forms import Check, asked, back_to
from mayfly.server.web.pages import render
from mayfly.server.web.views.lists import address
from mayfly.store.people import Scope

router = APIRouter(prefix="/people")

_A_PAGE = 100
_DAY_S = 86400.0

Writer = Annotated[Caller, may(Action.USER_WRITE)]


@router.get("")
async def show(
    request: Request,
    caller: Annotated[Caller, may(Action.USER_READ)],
    after: Annotated[str, Query(max_length=500)] = "",
) -> HTMLResponse:
    return await _page(request, caller, after=after)


@router.post("")
async def create(
    caller: Writer,
    *,
    user: Annotated[str, Form(max_length=39)],
    called: Annotated[str, Form(max_length=200)] = "",
    email: Annotated[str, Form(max_length=255)] = "",
    site_admin: Check = False,
) -> RedirectResponse:
    wanted = asked(
        api.NewUser,
        id=user,
        name=called.strip(),
        email=email.strip() or None,
        site_admin=site_admin,
    )
    await api.create_user(wanted, caller)
    return back_to(f"/people#user-{wanted.id}")


@router.post("/{user}")
async def change(
    user: str,
    caller: Writer,
    what: Annotated[str, Form(pattern=r"^(site_admin|disabled)$")],
    *,
    on: Annotated[bool, Form()],
) -> RedirectResponse:
    """One of the two things that may be so of a user."""
    await api.change_user(user, asked(api.UserChange, **{what: on}), caller)
    return back_to(f"/people#user-{user}")


@router.post("/{user}/tokens")
async def make_token(
    request: Request, user: str, caller: Writer, days: Annotated[float, Form(gt=0, le=366)] = 30
) -> Response:
    """With which they sign in, on a server without a provider; shown once."""
    wanted = asked(
        api.NewToken,
        name=f"from {caller.actor.user}",
        scopes=[Scope.ADMIN],
        expires_in_s=days * _DAY_S,
    )
    return await _page(
        request, caller, issued=await api.create_token_for_user(user, wanted, caller)
    )


async def _page(
    request: Request, caller: Caller, *, after: str = "", issued: api.IssuedToken | None = None
) -> HTMLResponse:
    found = await api.list_users(caller, Listing(limit=_A_PAGE, after=after or None))
    return render(
        request,
        caller,
        "people.html",
        title="People",
        users=found.items,
        first="/people" if after else None,
        more=address("/people", after=found.next) if found.next else None,
        issued=issued,
        has_providers=bool(caller.services.sign_in.providers),
    )
