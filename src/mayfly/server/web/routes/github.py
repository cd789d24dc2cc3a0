"""Connecting GitHub: a manifest is shown, GitHub makes the app of it, and it is installed.

The form of the second page goes to GitHub itself, with a `state` that only this session can know:
who comes back with it was sent from here. What comes back is a code; the third page's form has the
app's keys fetched with it and kept.
"""

import hashlib
import hmac
import json
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from mayfly.forges.github.manifest import MAX_NAME, form_url, manifest
from mayfly.server.api.access import Caller, may
from mayfly.server.api.headers import CONTENT_SECURITY_POLICY
from mayfly.server.github import connecting
from mayfly.server.github.connecting import Place
from mayfly.server.github.service import GitHub
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Conflict, Forbidden
from mayfly.server.web.forms import back_to
from mayfly.server.web.pages import Crumb, render

router = APIRouter(prefix="/github")

WEBHOOK_PATH = "/webhooks/github"
CREATED_PATH = "/github/created"

_STATE_KEY = b"mayfly github app"
_LOGIN = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))?$"
_CODE = r"^[A-Za-z0-9_-]{1,200}$"
_HERE = (Crumb("GitHub", "/github"),)

Manager = Annotated[Caller, may(Action.FORGE_MANAGE)]
State = Annotated[str, Query(max_length=200)]


@router.get("")
async def show(
    request: Request, caller: Annotated[Caller, may(Action.FORGE_MANAGE)]
) -> HTMLResponse:
    settings, now = caller.services.settings, caller.services.now()
    apps, alarms = await caller.read(
        lambda view: (connecting.connected(view), connecting.alarms(view, now))
    )
    return render(
        request,
        caller,
        "github.html",
        title="GitHub",
        apps=apps,
        alarms=alarms,
        name=f"Mayfly on {urlsplit(settings.base_url).hostname or 'a host'}"[:MAX_NAME],
        longest=MAX_NAME,
        base_url=settings.base_url,
        is_reachable=settings.secure,
    )


@router.post("")
async def prepare(
    request: Request,
    caller: Manager,
    called: Annotated[str, Form(min_length=1, max_length=MAX_NAME)],
    organization: Annotated[str, Form(pattern=_LOGIN)] = "",
) -> HTMLResponse:
    """The form that GitHub takes; nothing is made before a person sends it and confirms there."""
    place, base = _place(caller), caller.services.settings.base_url.rstrip("/")
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
        crumbs=_HERE,
        action=form_url(place.web_url, organization or None, state_of(caller.cookie or "")),
        manifest=json.dumps(asked),
        shown=json.dumps(asked, indent=2),
        organization=organization,
    )
    allowed = f"form-action 'self' {place.web_url}"
    policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", allowed)
    response.headers["Content-Security-Policy"] = policy
    return response


@router.get("/created")
async def come_back(
    request: Request,
    caller: Annotated[Caller, may(Action.FORGE_MANAGE)],
    code: Annotated[str, Query(pattern=_CODE)],
    state: State = "",
) -> HTMLResponse:
    """GitHub sends people here; the keys are fetched when they say so, as looking changes nothing.

    Raises Forbidden for who was not sent there from this session.
    """
    _refuse_strange(caller, state)
    return render(
        request,
        caller,
        "github_created.html",
        title="Keep the app's keys",
        crumbs=_HERE,
        code=code,
        state=state,
    )


@router.post("/created")
async def keep(
    caller: Manager,
    code: Annotated[str, Form(pattern=_CODE)],
    state: Annotated[str, Form(max_length=200)] = "",
) -> RedirectResponse:
    """Raises GitHubError, for a code that was used or is too old, say."""
    _refuse_strange(caller, state)
    github = _github(caller)
    made = await github.connector.convert(code, github.place.api_url)
    row = connecting.app_of(made, github.place, caller.services.now())
    await caller.change(lambda tx, author: connecting.connect(tx, author, row))
    return back_to("/github")


def state_of(cookie: str) -> str:
    """What a form of this session takes along."""
    return hmac.new(_STATE_KEY, cookie.encode(), hashlib.sha256).hexdigest()


def _refuse_strange(caller: Caller, state: str) -> None:
    known = state_of(caller.cookie).encode() if caller.cookie else None
    if known is None or not hmac.compare_digest(known, state.encode()):
        raise Forbidden(
            "this browser did not begin to make that app", remedy="begin again on the page /github"
        )


def _place(caller: Caller) -> Place:
    services = caller.services
    if services.github is not None:
        return services.github.place
    return Place(services.settings.github_api_url, services.settings.github_url)


def _github(caller: Caller) -> GitHub:
    if caller.services.github is None:
        raise Conflict("this server was started without GitHub")
    return caller.services.github
