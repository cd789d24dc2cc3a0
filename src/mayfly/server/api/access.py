"""The gate of every route: who asks, what it concerns, and whether they may.

A route names its action, `caller: Annotated[Caller, may(Action.RUN_CANCEL)]`, and gets the caller
only if that is allowed. What it concerns is read from the names in its path: `owner` and `name` of
a project, or `run`, `job`, `submission`. What somebody may not even see is not there for them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import Depends, Request

from mayfly.server.api.browsers import (
    CSRF_HEADER,
    SAFE,
    csrf_token_of,
    refuse_other_sites,
    shown_by,
)
from mayfly.server.api.concerned import Found, find
from mayfly.server.api.state import services_of
from mayfly.server.people import tokens
from mayfly.server.people.actors import Known, Shown, known
from mayfly.server.people.audit import Author
from mayfly.server.people.logins import is_csrf_token
from mayfly.server.people.roles import RULES, Action, Actor, Level, Subject, allowed
from mayfly.server.refusals import Forbidden, NotFound, Refused, Unauthenticated
from mayfly.server.services import Services
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, ProjectRow, RunRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks, whether or not they may; `cookie` is of their web session, if it is good."""

    actor: Actor
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and may. The rows are those the path names; `project` goes with any of them.

    `may_still` looks anew whether the same request would be let in now, for what goes on for long.
    """

    services: Services
    actor: Actor
    may_still: Callable[[], Awaitable[bool]]
    cookie: str | None = None
    project: ProjectRow | None = None
    run: RunRow | None = None
    job: JobRow | None = None

    @property
    def author(self) -> Author:
        actor = self.actor
        return Author(actor.user or "nobody", self.services.now(), actor.via, actor.address)

    @property
    def the_project(self) -> ProjectRow:
        """Of a route whose path names it."""
        assert self.project is not None
        return self.project

    @property
    def the_run(self) -> RunRow:
        assert self.run is not None
        return self.run

    @property
    def the_job(self) -> JobRow:
        assert self.job is not None
        return self.job

    async def read(self, work: Callable[[View], T]) -> T:
        return await self.services.store.read(work)

    async def change(self, work: Callable[[Tx, Author], T]) -> T:
        """In a serial transaction; `work` notes what it does in the audit."""
        author = self.author
        return await self.services.store.serial(lambda tx: work(tx, author))

    def sees(self, project: ProjectRow | None, action: Action) -> bool:
        """Whether the caller may do this in the project too: for lists, and what pages offer."""
        return project is not None and allowed(self.actor, action, _subject(project))


class Gate:
    """The dependency that `may` makes; tests find its action."""

    def __init__(self, action: Action):
        self.action = action

    async def __call__(self, request: Request) -> Caller:
        services = services_of(request)
        shown = shown_by(request, services)
        now = services.now()
        who, found = await _look(request)
        request.state.asking = asking = _asking(who, shown)
        self._check(services, shown, who, found)
        if shown.token is None:
            refuse_other_sites(request)
            if shown.cookie is not None and who.actor.user is not None:
                await self._refuse_foreign(request, shown.cookie)
        token = who.token
        if token is not None and not tokens.is_touched(token, now):
            await services.store.write(lambda tx: tokens.touch(tx, token, now))
        still = partial(self._still, request)
        return Caller(
            services, who.actor, still, asking.cookie, found.project, found.run, found.job
        )

    async def _still(self, request: Request) -> bool:
        services = services_of(request)
        who, found = await _look(request)
        try:
            self._check(services, shown_by(request, services), who, found)
        except Refused:
            return False
        return True

    def _check(self, services: Services, shown: Shown, who: Known, found: Found) -> None:
        if who.wrong and shown.token is not None:
            raise Unauthenticated(
                "the token is not good: it is unknown, expired, or was revoked",
                remedy="make another on the page “My tokens”, or ask who runs the server",
            )
        if not (self.action is Action.METRICS_READ and services.settings.open_metrics):
            self._decide(who.actor, found)

    async def _refuse_foreign(self, request: Request, cookie: str) -> None:
        """What does not come from our pages lacks their token. To sign in anew takes none."""
        if request.method in SAFE or self.action is Action.SIGN_IN:
            return
        said = await csrf_token_of(request)
        if said is None or not is_csrf_token(cookie, said):
            raise Forbidden(
                "the request does not come from a page of this server",
                remedy=f"send the page's token as {CSRF_HEADER}; reload a page open for long",
            )

    def _decide(self, actor: Actor, found: Found) -> None:
        subject = _subject(found.project) if found.project else None
        if found.missing or (subject and not allowed(actor, Action.PROJECT_READ, subject)):
            if actor.user is None and RULES[self.action].level is not Level.ANYONE:
                raise _unknown()
            raise NotFound(f"there is no {found.what}")
        if allowed(actor, self.action, subject):
            return
        if actor.user is None:
            raise _unknown()
        rule = RULES[self.action]
        level = rule.level.name.lower().replace("_", " ")
        raise Forbidden(
            f"{self.action} is not yours to do",
            remedy=f"it takes {level} rights, and a token with the scope {rule.scope}",
        )


async def who_asks(request: Request) -> Asking:
    """As the gate found; or, where no route took the request, from what it shows."""
    if (asking := noted(request)) is not None:
        return asking
    shown = shown_by(request, services_of(request))
    if shown.token is None and shown.cookie is None:
        return Asking(Actor(address=shown.address))
    who, _ = await _look(request)
    return _asking(who, shown)


def noted(request: Request) -> Asking | None:
    """What the gate found of who asks; None if the request came to none."""
    asking = getattr(request.state, "asking", None)
    return asking if isinstance(asking, Asking) else None


def may(action: Action) -> Any:
    """The dependency of a route that does this."""
    return Depends(Gate(action))


async def _look(request: Request) -> tuple[Known, Found]:
    """Who asks, and what the path names."""
    services = services_of(request)
    shown, now = shown_by(request, services), services.now()
    return await services.store.read(
        lambda view: (known(view, shown, now), find(view, request.path_params))
    )


def _asking(who: Known, shown: Shown) -> Asking:
    return Asking(who.actor, shown.cookie if who.actor.user is not None else None)


def _subject(project: ProjectRow) -> Subject:
    return Subject(project.id, project.public)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "this needs a person or a token", remedy="sign in, or send Authorization: Bearer <token>"
    )
