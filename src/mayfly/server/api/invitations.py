"""Invitations to a project, for people that this server does not know yet."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, Strict

from mayfly.server.api.access import Caller, may
from mayfly.server.api.people import Email
from mayfly.server.api.projects import HERE, IN_PROJECT
from mayfly.server.api.said import REFUSALS, Asked, Line, Said
from mayfly.server.people import invitations, rates
from mayfly.server.people.roles import Action
from mayfly.server.refusals import Conflict
from mayfly.store.people import InvitationRow, Role

router = APIRouter(
    prefix=f"/projects{HERE}/invitations",
    tags=["projects"],
    responses=REFUSALS,
    dependencies=IN_PROJECT,
)

_DAY_S = 86400.0
_WEEK_S = 7 * _DAY_S


class Invitation(Said):
    """With an `email` it is for who signs in with that, verified; else for who has its link."""

    id: str
    role: Role
    email: str | None
    by: str
    created: float
    expires: float


class NewInvitation(Asked):
    role: Annotated[Role, Strict(False)]
    email: Email | None = None
    expires_in_s: float = Field(_WEEK_S, ge=60, le=30 * _DAY_S)


class IssuedInvitation(Invitation):
    """`link` is shown this once, and good once."""

    link: str


@router.get("", summary="The invitations that nobody took up yet")
async def list_invitations(
    caller: Annotated[Caller, may(Action.INVITATION_READ)],
) -> list[Invitation]:
    project, now = caller.the_project.id, caller.services.now()
    rows = await caller.read(
        lambda view: view.find(InvitationRow, order="created", project=project, expires__gt=now)
    )
    return [Invitation.of(row) for row in rows]


@router.post("", summary="Invite somebody", status_code=201)
async def invite(
    wanted: NewInvitation, caller: Annotated[Caller, may(Action.INVITATION_WRITE)]
) -> IssuedInvitation:
    """Who takes it up, by signing in at a provider, becomes a member. The server sends no mail."""
    services, project = caller.services, caller.the_project.id
    if not services.sign_in.providers:
        raise Conflict(
            "nobody can take up an invitation: no provider of sign-in is configured here",
            remedy="whoever runs this server can configure one, or make a user with a token",
        )
    now = services.now()
    await rates.use_up(services.store, rates.INVITATIONS, caller.actor.user or "", now)
    email = wanted.email.lower() if wanted.email else None
    issued = await caller.change(
        lambda tx, author: invitations.invite(
            tx, author, project, wanted.role, email=email, expires=now + wanted.expires_in_s
        )
    )
    # Behind `#`, so that it is in no log of a server or a proxy.
    link = f"{services.settings.base_url}/join#{issued.text}"
    return IssuedInvitation(**Invitation.of(issued.row).model_dump(), link=link)


@router.delete("/{invitation}", summary="Withdraw an invitation", status_code=204)
async def withdraw(
    invitation: Line, caller: Annotated[Caller, may(Action.INVITATION_WRITE)]
) -> None:
    project = caller.the_project.id
    await caller.change(lambda tx, author: invitations.withdraw(tx, author, project, invitation))
