"""Users, API tokens and the audit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field, Strict

from mayfly.server.api.access import Caller, may
from mayfly.server.api.listing import page
from mayfly.server.api.projects import HERE, IN_PROJECT, given
from mayfly.server.api.said import REFUSALS, Asked, Line, Listing, Page, ProjectName, Said, UserName
from mayfly.server.people import accounts, tokens
from mayfly.server.people.roles import Action
from mayfly.store.base import View
from mayfly.store.people import AuditRow, Scope, TokenRow, UserRow

router = APIRouter(responses=REFUSALS)

_YEAR_S = 366 * 24 * 3600.0
_EMAIL = r"^[^@\s]{1,64}@[^@\s]{1,190}$"
Email = Annotated[str, Field(pattern=_EMAIL)]
ScopeName = Annotated[Scope, Strict(False)]


class User(Said):
    id: str
    name: str
    email: str | None
    site_admin: bool
    disabled: bool
    created: float


class UserChange(Asked):
    """What is left out stays. Who is disabled loses sessions and tokens."""

    name: Line = ""
    email: Email | None = None
    site_admin: bool = False
    disabled: bool = False


class NewUser(Asked):
    """Who first signs in with this address, verified by a provider, is this user."""

    id: UserName
    name: Line = ""
    email: Email | None = None
    site_admin: bool = False


class Token(Said):
    """`used` is exact to some minutes."""

    id: str
    user: str
    name: str
    scopes: tuple[Scope, ...]
    project: str | None
    created: float
    expires: float | None
    used: float | None


class NewToken(Asked):
    """`project` narrows it to one; each scope includes those before it."""

    name: Line
    scopes: list[ScopeName] = Field(min_length=1, max_length=4)
    expires_in_s: float | None = Field(None, gt=0, le=_YEAR_S)
    project: ProjectName | None = None


class IssuedToken(Token):
    """`token` is shown this once."""

    token: str


class Noted(Said):
    """Who did what, when, from where."""

    id: str
    at: float
    actor: str
    action: str
    project: str | None
    target: str
    via: str
    address: str
    details: dict[str, Any]


class AuditListing(Listing):
    actor: Line | None = None
    action: Line | None = None


class SiteAuditListing(AuditListing):
    project: ProjectName | None = None


@router.get("/users", summary="All users", tags=["people"])
async def list_users(
    caller: Annotated[Caller, may(Action.USER_READ)], listing: Annotated[Listing, Query()]
) -> Page[User]:
    rows, more = await caller.read(
        lambda view: page(view, UserRow, "id", listing.limit, listing.after)
    )
    return Page(items=[User.of(row) for row in rows], next=more)


@router.post("/users", summary="Invite a user", status_code=201, tags=["people"])
async def create_user(wanted: NewUser, caller: Annotated[Caller, may(Action.USER_WRITE)]) -> User:
    email = wanted.email.lower() if wanted.email else None
    row = await caller.change(
        lambda tx, author: accounts.create_user(
            tx, author, wanted.id, name=wanted.name, email=email, site_admin=wanted.site_admin
        )
    )
    return User.of(row)


@router.patch("/users/{user}", summary="Change or disable a user", tags=["people"])
async def change_user(
    user: UserName, wanted: UserChange, caller: Annotated[Caller, may(Action.USER_WRITE)]
) -> User:
    changes = given(wanted)
    if wanted.email:
        changes["email"] = wanted.email.lower()
    row = await caller.change(lambda tx, author: accounts.change_user(tx, author, user, changes))
    return User.of(row)


@router.get("/users/{user}/tokens", summary="A user's tokens", tags=["people"])
async def list_tokens_of_user(
    user: UserName, caller: Annotated[Caller, may(Action.USER_READ)]
) -> list[Token]:
    rows = await caller.read(lambda view: view.find(TokenRow, order="created", user=user))
    return [Token.of(row) for row in rows]


@router.post(
    "/users/{user}/tokens", summary="Make a token for a user", status_code=201, tags=["people"]
)
async def create_token_for_user(
    user: UserName, wanted: NewToken, caller: Annotated[Caller, may(Action.USER_WRITE)]
) -> IssuedToken:
    """For robots, and for people of a server without a provider of sign-in; shown this once."""
    return await _issued(caller, user, wanted)


@router.get("/tokens", summary="My tokens", tags=["people"])
async def list_tokens(caller: Annotated[Caller, may(Action.TOKEN_READ)]) -> list[Token]:
    user = caller.actor.user
    rows = await caller.read(lambda view: view.find(TokenRow, order="created", user=user))
    return [Token.of(row) for row in rows]


@router.post("/tokens", summary="Make a token of mine", status_code=201, tags=["people"])
async def create_token(
    wanted: NewToken, caller: Annotated[Caller, may(Action.TOKEN_WRITE)]
) -> IssuedToken:
    """It may do no more than what asks for it, and is shown this once."""
    return await _issued(caller, caller.actor.user or "", wanted)


@router.delete("/tokens/{token}", summary="Revoke a token", status_code=204, tags=["people"])
async def revoke_token(token: Line, caller: Annotated[Caller, may(Action.TOKEN_WRITE)]) -> None:
    """One's own; site administrators anybody's."""
    actor = caller.actor
    owner = None if actor.site_admin and actor.only_project is None else actor.user
    await caller.change(lambda tx, author: tokens.revoke(tx, author, token, owner))


@router.get("/audit", summary="What was done here, the latest first", tags=["audit"])
async def list_audit(
    caller: Annotated[Caller, may(Action.AUDIT_READ)], listing: Annotated[SiteAuditListing, Query()]
) -> Page[Noted]:
    return await caller.read(lambda view: _audit(view, listing, listing.project))


@router.get(
    f"/projects{HERE}/audit",
    summary="What was done in a project, the latest first",
    tags=["audit"],
    dependencies=IN_PROJECT,
)
async def list_project_audit(
    caller: Annotated[Caller, may(Action.PROJECT_AUDIT_READ)],
    listing: Annotated[AuditListing, Query()],
) -> Page[Noted]:
    project = caller.the_project.id
    return await caller.read(lambda view: _audit(view, listing, project))


async def _issued(caller: Caller, user: str, wanted: NewToken) -> IssuedToken:
    tokens.may_issue(caller.actor, wanted.scopes, wanted.project)
    issued = await caller.change(
        lambda tx, author: tokens.issue(
            tx,
            author,
            user,
            wanted.name,
            wanted.scopes,
            expires=author.at + wanted.expires_in_s if wanted.expires_in_s else None,
            project=wanted.project,
        )
    )
    return IssuedToken(**Token.of(issued.row).model_dump(), token=issued.text)


def _audit(view: View, listing: AuditListing, project: str | None) -> Page[Noted]:
    asked = {"actor": listing.actor, "action": listing.action, "project": project}
    conditions = {key: value for key, value in asked.items() if value is not None}
    rows, more = page(view, AuditRow, "-id", listing.limit, listing.after, **conditions)
    return Page(items=[Noted.of(row) for row in rows], next=more)
