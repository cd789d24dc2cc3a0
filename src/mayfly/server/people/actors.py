"""From what a request shows to who asks: a token, a web session, or nobody."""

from dataclasses import dataclass, replace

from mayfly.server.people import logins, tokens
from mayfly.server.people.roles import ALL_SCOPES, Actor
from mayfly.store.base import View
from mayfly.store.people import MemberRow, TokenRow, UserRow

WEB = "web"


@dataclass(frozen=True, slots=True)
class Shown:
    """What came with a request. A token counts before a cookie."""

    token: str | None = None
    cookie: str | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks. `wrong` says that something was shown and is not good (any more)."""

    actor: Actor
    token: TokenRow | None = None
    wrong: bool = False


def known(view: View, shown: Shown, now: float) -> Known:
    nobody = Actor(address=shown.address)
    if shown.token is not None:
        token = tokens.find(view, shown.token, now)
        actor = _person(view, token.user, nobody) if token else None
        if token is None or actor is None:
            return Known(nobody, wrong=True)
        return Known(_narrowed(replace(actor, via=token.id), token), token)
    if shown.cookie is not None:
        login = logins.find_login(view, shown.cookie, now)
        actor = _person(view, login[0].user, nobody) if login else None
        if login is None or actor is None:
            return Known(nobody, wrong=True)
        actor = replace(actor, via=WEB, scopes=ALL_SCOPES)
        return Known(_narrowed(actor, login[1]) if login[1] else actor)
    return Known(nobody)


def _person(view: View, name: str, nobody: Actor) -> Actor | None:
    user = view.get(UserRow, name)
    if user is None or user.disabled:
        return None
    roles = {row.project: row.role for row in view.find(MemberRow, user=name)}
    return replace(nobody, user=name, site_admin=user.site_admin, roles=roles)


def _narrowed(actor: Actor, token: TokenRow) -> Actor:
    return replace(actor, scopes=frozenset(token.scopes), only_project=token.project)
