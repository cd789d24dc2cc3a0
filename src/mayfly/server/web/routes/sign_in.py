"""Signing in, by a provider or with a token, and out."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from mayfly.server.api.access import Caller, may
from mayfly.server.api.browsers import cookie_name
from mayfly.server.api.session import set_session
from mayfly.server.people import logins
from mayfly.server.people.roles import Action
from mayfly.server.people.sign_in import local_path
from mayfly.server.refusals import TooMany, Unauthenticated
from mayfly.server.web.pages import render

router = APIRouter()

Destination = Annotated[str, Query(max_length=2000)]


@router.get("/sign-in")
async def show(
    request: Request, caller: Annotated[Caller, may(Action.SIGN_IN)], to: Destination = "/"
) -> Response:
    if caller.actor.user is not None:
        return RedirectResponse(local_path(to), 303)
    return _page(request, caller, to)


@router.post("/sign-in")
async def by_token(
    request: Request,
    caller: Annotated[Caller, may(Action.SIGN_IN)],
    token: Annotated[str, Form(max_length=200)],
    to: Destination = "/",
) -> Response:
    """Opens a web session that ends when the token does."""
    try:
        cookie = await caller.services.sign_in.by_token(token.strip(), caller.actor.address)
    except (Unauthenticated, TooMany) as refused:
        return _page(request, caller, to, refused)
    response = RedirectResponse(local_path(to), 303)
    set_session(response, caller, cookie)
    return response


@router.get("/join")
async def join(request: Request, caller: Annotated[Caller, may(Action.SIGN_IN)]) -> HTMLResponse:
    """Where the link of an invitation leads: its token is in the part that no server sees."""
    providers = caller.services.sign_in.providers
    return render(request, caller, "join.html", title="Invitation", providers=providers)


@router.post("/sign-out")
async def sign_out(caller: Annotated[Caller, may(Action.SELF_SIGN_OUT)]) -> Response:
    cookie = caller.cookie
    if cookie is not None:
        await caller.change(lambda tx, author: logins.close_login(tx, author, cookie))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(cookie_name(caller.services), path="/")
    return response


def _page(
    request: Request,
    caller: Caller,
    to: str,
    refused: Unauthenticated | TooMany | None = None,
) -> Response:
    return render(
        request,
        caller,
        "sign_in.html",
        title="Sign in",
        status=refused.status if refused else 200,
        providers=caller.services.sign_in.providers,
        to=local_path(to),
        refused=refused,
    )
