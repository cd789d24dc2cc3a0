"""The gate of every route: who asks, what it concerns, and whether they may.

A route names its action, `caller: Annotated[Caller, may(Action.RUN_CANCEL)]`, and gets the caller
only if that is allowed. What it concerns is read from the names in its path: `owner` and `name` of
a project, or `run`, `job`, `submission`. What somebody may not even see is not there for them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request

from mayfly.server.api.state import services_of
from mayfly.server.people import tokens
from mayfly.server.people.actors import Known, Shown, known
from mayfly.server.people.audit import Author
from mayfly.server.people.logins import is_csrf_token
from mayfly.server.people.roles import RULES, Action, Actor, Level, Subject, allowed
from mayfly.server.refusals import Forbidden, NotFound, Unauthenticated
from mayfly.server.services import Services
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, ProjectRow, RunRow

T = TypeVar("T")

CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = "bearer "


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
        shown = _shown(request, services)
        now = services.now()

        def look(view: View) -> tuple[Known, _Found]:
            return known(view, shown, now), _find(view, request.path_params)

        who, found = await services.store.read(look)
        if who.wrong and shown.token is not None:
            raise Unauthenticated("the token is not good", remedy="it expired or was revoked")
        if not (self.action is Action.METRICS_READ and services.settings.open_metrics):
            self._decide(who.actor, found)
        if shown.token is None:
            _refuse_other_sites(request)
            if shown.cookie is not None and who.actor.user is not None:
                await self._refuse_foreign(request, shown.cookie)
        token = who.token
        if token is not None and not tokens.is_touched(token, now):
            await services.store.write(lambda tx: tokens.touch(tx, token, now))
        cookie = shown.cookie if who.actor.user is not None else None
        return Caller(services, who.actor, cookie, found.project, found.run, found.job)

    async def _refuse_foreign(self, request: Request, cookie: str) -> None:
        """What does not come from our pages lacks their token. To sign in anew takes none."""
        if request.method in _SAFE or self.action is Action.SIGN_IN:
            return
        said = await _csrf_token(request)
        if said is None or not is_csrf_token(cookie, said):
            raise Forbidden(
                "the request does not come from a page of this server",
                remedy=f"send the page's token as {CSRF_HEADER}; reload a page open for long",
            )

    def _decide(self, actor: Actor, found: "_Found") -> None:
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


@dataclass(frozen=True, slots=True)
class _Found:
    """What the path names; `missing` if it names something that is not there."""

    what: str = ""
    missing: bool = False
    project: ProjectRow | None = None
    run: RunRow | None = None
    job: JobRow | None = None


def _find(view: View, path: dict[str, Any]) -> _Found:
    job: JobRow | None = None
    run: RunRow | None = None
    if "owner" in path and "name" in path:
        project, what = f"{path['owner']}/{path['name']}", "project"
        return _complete(view, f"{what} {project}", project)
    if "job" in path:
        what, job = f"job {path['job']}", view.get(JobRow, path["job"])
        run = view.get(RunRow, job.run) if job else None
    elif "run" in path:
        what, run = f"run {path['run']}", view.get(RunRow, path["run"])
    elif "submission" in path:
        what = f"submission {path['submission']}"
        run = next(iter(view.find(RunRow, submission=path["submission"], limit=1)), None)
    else:
        return _Found()
    return _complete(view, what, run.project if run else None, run, job)


def _complete(
    view: View,
    what: str,
    project: str | None,
    run: RunRow | None = None,
    job: JobRow | None = None,
) -> _Found:
    row = view.get(ProjectRow, project) if project else None
    return _Found(what, row is None, row, run, job)


def _subject(project: ProjectRow) -> Subject:
    return Subject(project.id, project.public)


def _unknown() -> Unauthenticated:
    return Unauthenticated(
        "this needs a person or a token", remedy="sign in, or send Authorization: Bearer <token>"
    )


def _shown(request: Request, services: Services) -> Shown:
    header = request.headers.get("authorization", "")
    token = header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else None
    address = request.client.host if request.client else ""
    return Shown(token, request.cookies.get(cookie_name(services)), address)


def cookie_name(services: Services) -> str:
    """With the prefix browsers keep other hosts from setting it, but only over HTTPS."""
    return "__Host-mayfly" if services.settings.secure else "mayfly"


def _refuse_other_sites(request: Request) -> None:
    """What browsers say of who makes them ask; other clients say nothing."""
    headers = request.headers
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    same = site in {"same-origin", "none"} if site else not origin or _is_own(request, origin)
    if request.method not in _SAFE and not same:
        raise Forbidden("another site made your browser ask for that")


def _is_own(request: Request, origin: str) -> bool:
    return urlsplit(origin).netloc == request.headers.get("host")


async def _csrf_token(request: Request) -> str | None:
    """From the header, or from a form."""
    said = request.headers.get(CSRF_HEADER)
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if said is None and kind == "application/x-www-form-urlencoded":
        field = (await request.form()).get(CSRF_FIELD)
        said = field if isinstance(field, str) else None
    return said
