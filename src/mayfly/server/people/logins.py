"""Web sessions: a cookie in the browser, its hash here.

The cookie is HttpOnly and SameSite=Lax. What changes something must also show a token against
cross-site requests, which is made from the cookie and put into pages: nothing to keep, and of no
use without the cookie.
"""

import hashlib
import hmac
import secrets

from mayfly.server.people.audit import Author, note
from mayfly.server.people.tokens import digest
from mayfly.store.base import Tx, View
from mayfly.store.people import LoginRow, TokenRow

_CSRF_KEY = b"mayfly csrf"


def open_login(tx: Tx, author: Author, user: str, until: float, *, token: str | None = None) -> str:
    """Begin a session; gives the cookie's value."""
    cookie = secrets.token_urlsafe(32)
    row = LoginRow(
        id=digest(cookie),
        user=user,
        token=token,
        created=author.at,
        until=until,
        address=author.address,
    )
    tx.add(row)
    note(tx, author, "sign-in", user, token=token)
    return cookie


def find_login(view: View, cookie: str, now: float) -> tuple[LoginRow, TokenRow | None] | None:
    """The session if it is good now, and the token that opened it."""
    row = view.get(LoginRow, digest(cookie))
    if row is None or row.until <= now:
        return None
    if row.token is None:
        return row, None
    token = view.get(TokenRow, row.token)
    if token is None or (token.expires is not None and token.expires <= now):
        return None
    return row, token


def close_login(tx: Tx, author: Author, cookie: str) -> None:
    """Sign out; nothing if it is over already."""
    row = tx.get(LoginRow, digest(cookie))
    if row is not None:
        tx.delete(LoginRow, row.id)
        note(tx, author, "sign-out", row.user)


def forget_old_logins(tx: Tx, now: float) -> None:
    for row in tx.find(LoginRow, until__lt=now, limit=1000):
        tx.delete(LoginRow, row.id)


def csrf_token(cookie: str) -> str:
    return hmac.new(_CSRF_KEY, cookie.encode(), hashlib.sha256).hexdigest()


def is_csrf_token(cookie: str, shown: str) -> bool:
    return hmac.compare_digest(csrf_token(cookie).encode(), shown.encode())
