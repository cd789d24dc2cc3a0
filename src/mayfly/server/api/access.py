"""The gate of every route: who asks, what it concerns, and whether they may.

A route names its action, `caller: Annotated[Caller, may(Action.RUN_CANCEL)]`, and gets the caller
only if that is allowed. What it concerns is read from the names in its path: `owner` and `name` of
a project, or `run`, `job`, `submission`. What somebody may not even see is not there for them.
"""

from collections.abc import Callable
from dataclasses import dataclass
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
from mayfly.server.people.actors import Known, known
from mayfly.server.people.audit import Author
from mayfly.server.people.logins import is_csrf_token
from mayfly.server.people.roles import RULES, Action, Actor, Level, Subject, allowed
from mayfly.server.refusals import Forbidden, NotFound, Unauthenticated
from mayfly.server.services import Services
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, ProjectRow, RunRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and may. The rows are those the path names; `project` goes with any of them."""

    services: Services
    actor: Actor
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

        def look(view: View) -> tuple[Known, Found]:
            return known(view, shown, now), find(view, request.path_params)

        who, found = await services.store.read(look)
        if who.wrong and shown.token is not None:
            raise Unauthenticated(
                "the token is not good: it is unknown, expired, or was revoked",
                remedy="make another on the page “My tokens”, or ask who runs the server",
            )
        if not (self.action is Action.METRICS_READ and services.settings.open_metrics):
            self._decide(who.actor, found)
        if shown.token is None:
            refuse_other_sites(request)
            if shown.cookie is not None and who.actor.user is not None:
                await self._refuse_foreign(request, shown.cookie)
        token = who.token
        if token is not None and not tokens.is_touched(token, now):
            await services.store.write(lambda tx: tokens.touch(tx, token, now))
        cookie = shown.cookie if who.actor.user is not None else None
        return Caller(services, who.actor, cookie, found.project, found.run, found.job)

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


def may(action: Action) -> Any:
    """The dependency of a route that does this."""
    return Depends(Gate(action))


def _subject(project: ProjectRow) -> Subject:
    return Subject(project.id, project.public)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "this needs a person or a token", remedy="sign in, or send Authorization: Bearer <token>"
    )
