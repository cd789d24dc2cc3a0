"""Users: invited, changed, disabled. They are never removed, see `store.people`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mayfly.server.people.audit import Author, note
from mayfly.server.refusals import Conflict, NotFound
from mayfly.store.base import Tx
from mayfly.store.people import LoginRow, TokenRow, UserRow


def create_user(
    tx: Tx, author: Author, user: str, *, name: str, email: str | None, site_admin: bool
) -> UserRow:
    """With an address it is an invitation: see `people.admission`."""
    if tx.get(UserRow, user) is not None:
        raise Conflict(f"there is a user {user} already")
    _refuse_taken(tx, email, user)
    row = UserRow(id=user, created=author.at, name=name, email=email, site_admin=site_admin)
    tx.add(row)
    note(tx, author, "user.create", user, email=email, site_admin=site_admin)
    return row


def change_user(tx: Tx, author: Author, user: str, changes: Mapping[str, Any]) -> UserRow:
    """Fields by name. Who is disabled loses sessions and tokens, for good."""
    row = tx.get(UserRow, user)
    if row is None:
        raise NotFound(f"there is no user {user}")
    differing = {key: value for key, value in changes.items() if getattr(row, key) != value}
    if not differing:
        return row
    changed = replace(row, **differing)
    _refuse_taken(tx, changed.email, user)
    _keep_an_admin(tx, row, changed)
    tx.put(changed)
    note(tx, author, "user.change", user, **differing)
    if changed.disabled:
        _shut_out(tx, user)
    return changed


def _keep_an_admin(tx: Tx, before: UserRow, after: UserRow) -> None:
    loses = before.site_admin and not before.disabled and (after.disabled or not after.site_admin)
    if loses and tx.count(UserRow, site_admin=True, disabled=False) == 1:
        raise Conflict(
            f"{before.id} is the only site administrator", remedy="make somebody else one first"
        )


def _refuse_taken(tx: Tx, email: str | None, user: str) -> None:
    for row in tx.find(UserRow, email=email) if email else []:
        if row.id != user:
            raise Conflict(f"{email} belongs to user {row.id}")


def _shut_out(tx: Tx, user: str) -> None:
    for login in tx.find(LoginRow, user=user):
        tx.delete(LoginRow, login.id)
    for token in tx.find(TokenRow, user=user):
        tx.delete(TokenRow, token.id)
