"""Connecting GitHub: a manifest is shown, GitHub makes the app of it, and it is installed.

The second page's form goes to GitHub itself, with a `state` that only this session can know: who
comes back with it was sent from here.
"""

import hashlib
import hmac
import json
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.forges.github.manifest import MAX_NAME, form_url, manifest
from mayfly.server.api.access import Caller, may
from mayfly.server.api.headers import CONTENT_SECURITY_POLICY
from mayfly.server.github.connecting import alarms, app_of, connect, connected, install_url
from mayfly.server.github.service import GitHub
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Forbidden
from mayfly.server.web.pages import Crumb, render

router = APIRouter(prefix="/github")

WEBHOOK_PATH = "/webhooks/github"
CREATED_PATH = "/github/created"

_STATE_KEY = b"mayfly github app"
_LOGIN = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))?$"


@router.get("")
async def show(
    request: Request, caller: Annotated[Caller, may(Action.FORGE_MANAGE)]
) -> HTMLResponse:
    host = urlsplit(caller.services.settings.base_url).hostname or "mayfly"
    apps = await caller.read(connected)
    troubles = await caller.read(lambda view: alarms(view, caller.services.now()))
    return render(
        request,
        caller,
        "github.html",
        title="Connect GitHub",
        apps=apps,
        alarms=troubles,
        name=f"Mayfly on {host}"[:MAX_NAME],
        longest=MAX_NAME,
        base_url=caller.services.settings.base_url,
        is_reachable=caller.services.settings.secure,
    )


@router.post("")
async def prepare(
    request: Request,
    caller: Annotated[Caller, may(Action.FORGE_MANAGE)],
    called: Annotated[str, Form(min_length=1, max_length=MAX_NAME)],
    organization: Annotated[str, Form(pattern=_LOGIN)] = "",
) -> HTMLResponse:
    """The form that GitHub takes; nothing is made before a person sends it and confirms there."""
    base = caller.services.settings.base_url.rstrip("/")
    asked = manifest(
        name=called,
        server_url=base,
        webhook_url=f"{base}{WEBHOOK_PATH}",
        redirect_url=f"{base}{CREATED_PATH}",
        setup_url=f"{base}/github",
    )
    response = render(
        request,
        caller,
        "github_manifest.html",
        title="Make the app",
        crumbs=(Crumb("Connect GitHub", "/github"),),
        action=form_url(
            _github(caller).place.web_url, organization or None, state_of(caller.cookie or "")
        ),
        manifest=json.dumps(asked),
        shown=json.dumps(asked, indent=2),
        organization=organization,
    )
    policy = CONTENT_SECURITY_POLICY.replace(
        "form-action 'self'", f"form-action {_github(caller).place.web_url}"
    )
    response.headers["Content-Security-Policy"] = policy
    return response


@router.get("/created")
async def created(
    caller: Annotated[Caller, may(Action.FORGE_MANAGE)],
    code: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-]{1,100}$")],
    state: Annotated[str, Query(max_length=100)],
) -> RedirectResponse:
    """GitHub sends the person back with a code, which gives the app's keys once; then it is
    installed.
    """
    if not is_state(caller.cookie, state):
        raise Forbidden(
            "the app was not asked for from this browser's session",
            remedy="sign in and begin again at /github",
        )
    github = _github(caller)
    made = await github.connector.convert(code, github.place.api_url)
    app = app_of(made, github.place, caller.services.now())
    await caller.change(lambda tx, author: connect(tx, author, app))
    return RedirectResponse(install_url(app), HTTPStatus.SEE_OTHER)


def _github(caller: Caller) -> GitHub:
    github = caller.services.github
    assert github is not None  # every server but those of tests has one
    return github


def state_of(cookie: str) -> str:
    """What a form of this session takes along."""
    return hmac.new(_STATE_KEY, cookie.encode(), hashlib.sha256).hexdigest()


def is_state(cookie: str | None, shown: str) -> bool:
    """Whether who comes back was sent from this session."""
    return cookie is not None and hmac.compare_digest(state_of(cookie).encode(), shown.encode())
