"""API tokens: shown once, kept as a hash, good for a scope and a time.

A token is 256 random bits, so that a plain SHA-256 of it is safe to keep and quick to look up.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from mayfly.server.people.audit import Author, note
from mayfly.server.people.roles import Actor, includes
from mayfly.server.refusals import Forbidden, NotFound
from mayfly.store.base import Store, Tx, View
from mayfly.store.people import LoginRow, Scope, TokenRow, UserRow

PREFIX = "mayfly_"
"""By which people and scanners of leaked secrets know one."""

_FIRST_ADMIN = "admin"
_USED_RESOLUTION_S = 300.0


@dataclass(frozen=True, slots=True)
class Issued:
    """`text` is the token itself, which cannot be had again."""

    row: TokenRow
    text: str


def digest(text: str) -> str:
    """What is kept of a token, a cookie or a state."""
    return hashlib.sha256(text.encode()).hexdigest()


def issue(
    tx: Tx,
    author: Author,
    user: str,
    name: str,
    scopes: Iterable[Scope],
    *,
    expires: float | None = None,
    project: str | None = None,
) -> Issued:
    """Raises NotFound if there is no such user, or they are disabled."""
    owner = tx.get(UserRow, user)
    if owner is None or owner.disabled:
        raise NotFound(f"there is no user {user}")
    text = PREFIX + secrets.token_urlsafe(32)
    row = TokenRow(
        id=secrets.token_hex(6),
        hash=digest(text),
        user=user,
        name=name,
        scopes=tuple(sorted(set(scopes))),
        project=project,
        created=author.at,
        expires=expires,
    )
    tx.add(row)
    note(
        tx,
        author,
        "token.create",
        row.id,
        project=project,
        user=user,
        name=name,
        scopes=list(row.scopes),
    )
    return Issued(row, text)


def may_issue(actor: Actor, scopes: Iterable[Scope], project: str | None) -> None:
    """Nobody makes a token that may do more than what they show. Raises Forbidden."""
    if not all(includes(actor.scopes, scope) for scope in scopes):
        raise Forbidden("a token cannot make another with more scopes than its own")
    if actor.only_project not in {None, project}:
        raise Forbidden(f"this token is good for {actor.only_project} only, and so are its own")


def find(view: View, text: str, now: float) -> TokenRow | None:
    """The token, if it is good now."""
    for row in view.find(TokenRow, hash=digest(text), limit=1):
        if row.expires is None or row.expires > now:
            return row
    return None


def touch(tx: Tx, row: TokenRow, now: float) -> None:
    """Remember that it was used; for `Store.write`."""
    tx.update(TokenRow, row.id, {"used": row.used}, used=now)


def is_touched(row: TokenRow, now: float) -> bool:
    """Whether that is remembered exactly enough."""
    return row.used is not None and now - row.used < _USED_RESOLUTION_S


def revoke(tx: Tx, author: Author, token: str, owner: str | None) -> None:
    """At once, with the web sessions it opened. `owner` None takes anybody's."""
    row = tx.get(TokenRow, token)
    if row is None or owner not in {None, row.user}:
        raise NotFound(f"there is no token {token}")
    for login in tx.find(LoginRow, token=token):
        tx.delete(LoginRow, login.id)
    tx.delete(TokenRow, token)
    note(tx, author, "token.revoke", token, project=row.project, user=row.user, name=row.name)


async def first_admin_token(store: Store, now: float) -> str | None:
    """A token of a new site admin, if nobody is known yet; to be printed once."""

    def make(tx: Tx) -> str | None:
        if tx.count(UserRow):
            return None
        author = Author("system", now)
        tx.add(UserRow(id=_FIRST_ADMIN, created=now, name="First administrator", site_admin=True))
        note(tx, author, "user.create", _FIRST_ADMIN, site_admin=True)
        return issue(tx, author, _FIRST_ADMIN, "first start", [Scope.ADMIN]).text

    return await store.serial(make)
