"""Lays a view out as a page, with what every page has around it."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

import mayfly
from mayfly.server.api.access import Asking, Caller
from mayfly.server.people.logins import csrf_token
from mayfly.server.people.projects import may_in
from mayfly.server.people.roles import Action, Actor, allowed
from mayfly.server.web import assets
from mayfly.server.web.views import looks, words

PART_HEADER = "X-Part"
"""Asks for the live part of a page only."""


@dataclass(frozen=True, slots=True)
class Crumb:
    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    title: str
    href: str
    icon: str
    here: bool


_PLACES = (
    ("Now", "/", "now", Action.LOOK),
    ("Runs", "/runs", "runs", Action.LOOK),
    ("Hosts", "/hosts", "hosts", Action.HOST_READ),
    ("Insights", "/insights", "insights", Action.SELF_READ),
    ("Projects", "/projects", "projects", Action.LOOK),
)
_ADMIN_PLACES = (
    ("People", "/people", "person", Action.USER_READ),
    ("Audit", "/audit", "audit", Action.AUDIT_READ),
    ("GitHub", "/github", "github", Action.FORGE_MANAGE),
    ("Tokens", "/tokens", "token", Action.TOKEN_READ),
)


def render(
    request: Request,
    caller: Caller,
    template: str,
    *,
    title: str,
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """`title` is of the page; the rest are names for its template."""
    asking = Asking(caller.actor, caller.cookie)
    html = page(
        request, asking, template, title=title, crumbs=crumbs, now=caller.services.now(), **values
    )
    return HTMLResponse(html, status)


def page(
    request: Request,
    asking: Asking | None,
    template: str,
    *,
    title: str,
    now: float,
    crumbs: Sequence[Crumb] = (),
    **values: Any,
) -> str:
    """For who asks; None if that is not known."""
    actor, path = asking.actor if asking else Actor(), request.url.path
    return (
        _templates()
        .get_template(template)
        .render(
            layout="part.html" if PART_HEADER in request.headers else "base.html",
            title=title,
            crumbs=crumbs,
            places=_places(_PLACES, actor, path),
            admin_places=_places(_ADMIN_PLACES, actor, path),
            me=actor.user,
            knows_who=asking is not None,
            csrf=csrf_token(asking.cookie) if asking and asking.cookie else "",
            now=now,
            path=path,
            query=request.url.query,
            **values,
        )
    )


def can(caller: Caller, action: Action) -> bool:
    """Whether it is theirs to do with the project that the address names."""
    return may_in(caller.actor, caller.the_project, action)


def _places(known: Sequence[tuple[str, str, str, Action]], actor: Actor, path: str) -> list[Place]:
    return [
        Place(title, href, icon, path == href or (href != "/" and path.startswith(f"{href}/")))
        for title, href, icon, action in known
        if allowed(actor, action)
    ]


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    shown = (
        words.duration,
        words.moment,
        words.iso,
        words.size,
        words.memory,
        words.cpu,
        words.count,
        words.percent,
    )
    environment.filters |= {function.__name__: function for function in shown}
    environment.globals |= {
        "asset": assets.address,
        "ago": words.ago,
        "plural": words.plural,
        "look_of": looks.of_state,
        "conclusion_of": looks.of_conclusion,
        "version": mayfly.__version__,
    }
    return environment
