"""Signing in and out, and who one is."""

import html
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from mayfly.server.api.access import Caller, may
from mayfly.server.api.browsers import cookie_name
from mayfly.server.api.said import REFUSALS, Asked
from mayfly.server.people import logins
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Forbidden
from mayfly.store.people import Role, Scope, UserRow

router = APIRouter(tags=["session"], responses=REFUSALS)

_STATE_COOKIE = "mayfly-sign-in"
_STATE_S = 600

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Signing in</title>
<meta http-equiv="refresh" content="0;url={address}"></head>
<body><p><a href="{address}">On to {title}</a></p></body></html>"""


class TokenShown(Asked):
    token: str = Field(max_length=200)


class Me(BaseModel):
    """`csrf` must come with every change a web session makes, as the header X-CSRF-Token."""

    user: str
    name: str
    site_admin: bool
    roles: dict[str, Role]
    scopes: list[Scope]
    project: str | None
    csrf: str | None


class Returned(BaseModel):
    """What a provider sends a browser back with."""

    state: str = Field("", max_length=200)
    code: str = Field("", max_length=4000)
    error: str = Field("", max_length=200)
    error_description: str = Field("", max_length=2000)


class ProviderOffered(BaseModel):
    id: str
    title: str


@router.get("/session", summary="Who I am, and what I may")
async def show_me(caller: Annotated[Caller, may(Action.SELF_READ)]) -> Me:
    return await _me(caller)


@router.post("/session", summary="Sign in with a token", status_code=204)
async def sign_in_by_token(
    shown: TokenShown, request: Request, caller: Annotated[Caller, may(Action.SIGN_IN)]
) -> Response:
    """Sets the cookie of a web session that ends when the token does."""
    cookie = await caller.services.sign_in.by_token(shown.token, caller.actor.address)
    response = Response(status_code=204)
    set_session(response, caller, cookie)
    return response


@router.delete("/session", summary="Sign out", status_code=204)
async def sign_out(caller: Annotated[Caller, may(Action.SELF_SIGN_OUT)]) -> Response:
    """Ends the web session; nothing for a token."""
    cookie = caller.cookie
    if cookie is not None:
        await caller.change(lambda tx, author: logins.close_login(tx, author, cookie))
    response = Response(status_code=204)
    response.delete_cookie(cookie_name(caller.services), path="/")
    return response


@router.get("/sign-in", summary="The providers one may sign in with")
async def list_providers(
    caller: Annotated[Caller, may(Action.LOOK)],
) -> list[ProviderOffered]:
    offered = caller.services.sign_in.providers
    return [ProviderOffered(id=one.id, title=one.title) for one in offered]


@router.post("/sign-in/{provider}", summary="Go to a provider", response_class=HTMLResponse)
async def depart(
    provider: str,
    caller: Annotated[Caller, may(Action.SIGN_IN)],
    to: Annotated[str, Query(max_length=2000)] = "/",
    invitation: Annotated[str, Form(max_length=200)] = "",
) -> HTMLResponse:
    """A page that sends the browser there, for forms may not be redirected to other sites.

    An invitation that the form shows is taken up when they come back.
    """
    sign_in = caller.services.sign_in
    address = caller.actor.address
    departure = await sign_in.depart(provider, to, address, invitation.strip() or None)
    title = next(one.title for one in sign_in.providers if one.id == provider)
    page = _PAGE.format(address=html.escape(departure.address), title=html.escape(title))
    response = HTMLResponse(page)
    response.set_cookie(
        _STATE_COOKIE,
        departure.state,
        max_age=_STATE_S,
        path=_callback_path(provider),
        secure=caller.services.settings.secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/sign-in/{provider}/callback", summary="Come back from a provider", status_code=303)
async def arrive(
    provider: str,
    request: Request,
    caller: Annotated[Caller, may(Action.SIGN_IN)],
    said: Annotated[Returned, Query()],
) -> RedirectResponse:
    """Opens a web session for who was sent there from the same browser."""
    if said.error or not said.code:
        reason = said.error_description or said.error or "no code came"
        raise Forbidden(f"{provider} did not let you in: {reason}", remedy="sign in again")
    held = request.cookies.get(_STATE_COOKIE)
    address = caller.actor.address
    arrival = await caller.services.sign_in.arrive(provider, said.state, held, said.code, address)
    response = RedirectResponse(arrival.destination, 303)
    response.delete_cookie(_STATE_COOKIE, path=_callback_path(provider))
    set_session(response, caller, arrival.cookie)
    return response


def set_session(response: Response, caller: Caller, cookie: str) -> None:
    settings = caller.services.settings
    response.set_cookie(
        cookie_name(caller.services),
        cookie,
        max_age=int(settings.session_s),
        path="/",
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )


async def _me(caller: Caller) -> Me:
    actor = caller.actor
    name = actor.user or ""
    user = await caller.read(lambda view: view.get(UserRow, name))
    return Me(
        user=name,
        name=user.name if user else "",
        site_admin=actor.site_admin,
        roles=dict(actor.roles),
        scopes=sorted(actor.scopes),
        project=actor.only_project,
        csrf=logins.csrf_token(caller.cookie) if caller.cookie else None,
    )


def _callback_path(provider: str) -> str:
    return f"/api/v1/sign-in/{provider}/callback"
