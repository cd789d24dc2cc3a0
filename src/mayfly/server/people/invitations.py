"""Invitations: leave to become a member of a project, once, for who signs in for it in time.

One with an address is for whoever signs in with that address, verified by the provider. One
without is for whoever shows its token first. It stands as long as who made it may make members:
somebody who was removed has left no way back.
"""

import secrets
from dataclasses import dataclass

from mayfly.domain.errors import InvalidInput
from mayfly.server.people import members
from mayfly.server.people.audit import Author, note
from mayfly.server.people.projects import member_id
from mayfly.server.people.roles import at_least
from mayfly.server.people.tokens import digest
from mayfly.server.refusals import Conflict, Forbidden, NotFound
from mayfly.store.base import Tx, View
from mayfly.store.people import InvitationRow, MemberRow, Role, UserRow

PREFIX = "mayfly_invite_"
MOST = 200
"""In a project, at once."""


@dataclass(frozen=True, slots=True)
class Invited:
    """`text` is what opens the door; it cannot be had again."""

    row: InvitationRow
    text: str


def invite(
    tx: Tx, author: Author, project: str, role: Role, *, email: str | None, expires: float
) -> Invited:
    """Takes the place of an earlier one for the same address. Raises Conflict, InvalidInput."""
    for user in tx.find(UserRow, email=email, limit=1) if email else []:
        raise Conflict(f"{email} is user {user.id}", remedy=f"add {user.id} as a member")
    for before in tx.find(InvitationRow, project=project, email=email) if email else []:
        tx.delete(InvitationRow, before.id)
    if tx.count(InvitationRow, project=project) >= MOST:
        raise InvalidInput(f"{project} has {MOST} invitations open, which is the most")
    text = PREFIX + secrets.token_urlsafe(32)
    row = InvitationRow(
        id=secrets.token_hex(6),
        hash=digest(text),
        project=project,
        role=role,
        email=email,
        by=author.actor,
        created=author.at,
        expires=expires,
    )
    tx.add(row)
    note(tx, author, "invitation.create", row.id, project=project, role=role, email=email)
    return Invited(row, text)


def withdraw(tx: Tx, author: Author, project: str, invitation: str) -> None:
    """Raises NotFound."""
    row = tx.get(InvitationRow, invitation)
    if row is None or row.project != project:
        raise NotFound(f"{project} has no invitation {invitation}", remedy="it may be taken up")
    tx.delete(InvitationRow, row.id)
    note(tx, author, "invitation.withdraw", row.id, project=project, email=row.email)


def shown(view: View, text: str, now: float) -> InvitationRow:
    """The one that this token is of. Raises Forbidden if it does not stand."""
    for row in view.find(InvitationRow, hash=digest(text), limit=1):
        if _stands(view, row, now):
            return row
    raise _spent()


def for_arrival(
    view: View, invitation: str | None, email: str | None, now: float
) -> list[InvitationRow]:
    """What who arrives may take up: what they showed, and what is for their verified address.

    Raises Forbidden if what they showed is not for them, or stands no more.
    """
    address = email.lower() if email else None
    found = view.find(InvitationRow, email=address) if address else []
    if invitation is not None:
        row = view.get(InvitationRow, invitation)
        if row is None or not _stands(view, row, now):
            raise _spent()
        if row.email is None:
            found.append(row)
        elif row.email != address:
            raise Forbidden(
                "this invitation is for another address",
                remedy="sign in with the address that it was made for, verified by the provider",
            )
    return [row for row in found if _stands(view, row, now)]


def take_up(tx: Tx, author: Author, row: InvitationRow) -> None:
    """The author becomes a member, or stays what they are if that is more."""
    tx.delete(InvitationRow, row.id)
    note(tx, author, "invitation.accept", row.id, project=row.project, role=row.role, by=row.by)
    before = tx.get(MemberRow, member_id(row.project, author.actor))
    if before is None or not at_least(before.role, row.role):
        members.set_member(tx, author, row.project, author.actor, row.role)


def forget_expired(tx: Tx, now: float) -> None:
    for row in tx.find(InvitationRow, expires__lt=now, limit=1000):
        tx.delete(InvitationRow, row.id)


def _stands(view: View, row: InvitationRow, now: float) -> bool:
    """In time, and by somebody who may still make members."""
    inviter = view.get(UserRow, row.by)
    if row.expires <= now or inviter is None or inviter.disabled:
        return False
    member = view.get(MemberRow, member_id(row.project, row.by))
    return inviter.site_admin or at_least(member.role if member else None, Role.ADMIN)


def _spent() -> Forbidden:
    return Forbidden(
        "this invitation is not good: it is taken up, withdrawn or too old",
        remedy="ask who sent it for another",
    )
