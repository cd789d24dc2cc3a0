"""Signing in: by a provider, there and back, or by a token; each opens a web session.

What a browser takes along to a provider is kept here by the hash of its state, which the browser
holds in a cookie too: so nobody can be made to come back with another's code.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mayfly.server.people import invitations, logins, rates, tokens
from mayfly.server.people.admission import admitted
from mayfly.server.people.audit import Author, note
from mayfly.server.people.tokens import digest
from mayfly.server.refusals import Forbidden, NotFound, Unauthenticated
from mayfly.services.sign_in import Identity, Journey, Provider, ProviderSettings
from mayfly.store.base import Store, Tx
from mayfly.store.people import IdentityRow, SignInRow, UserRow

_JOURNEY_S = 600.0


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the state it holds in a cookie meanwhile."""

    address: str
    state: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """The cookie of the new session, and the page the person came from."""

    cookie: str
    destination: str


class SignIn:
    """`now` gives seconds since 1970; `session_s` is how long a session is good."""

    def __init__(
        self,
        store: Store,
        providers: Mapping[str, Provider],
        now: Callable[[], float],
        *,
        base_url: str,
        session_s: float,
    ):
        self._store = store
        self._providers = providers
        self._now = now
        self._base_url = base_url.rstrip("/")
        self._session_s = session_s

    @property
    def providers(self) -> tuple[ProviderSettings, ...]:
        """What a page offers."""
        return tuple(provider.settings for provider in self._providers.values())

    async def depart(
        self, provider: str, destination: str, address: str, invitation: str | None = None
    ) -> Departure:
        """`invitation` is the token of one, to be taken up on return.

        Raises NotFound, TooMany, ProviderFailed, Forbidden if the invitation does not stand.
        """
        chosen = self._provider(provider)
        now = self._now()
        await self._use_up_try(address, now)
        invited = None
        if invitation is not None:
            invited = await self._store.read(lambda view: invitations.shown(view, invitation, now))
            destination = f"/projects/{invited.project}"
        journey = self._journey(chosen, secrets.token_urlsafe(32))
        where = await chosen.address(journey)
        row = SignInRow(
            id=digest(journey.state),
            provider=chosen.settings.id,
            nonce=journey.nonce,
            verifier=journey.verifier,
            destination=local_path(destination),
            invitation=invited.id if invited else None,
            until=now + _JOURNEY_S,
        )
        await self._store.write(lambda tx: tx.add(row))
        return Departure(where, journey.state)

    async def arrive(
        self, provider: str, state: str, held: str | None, code: str, address: str
    ) -> Arrival:
        """`held` is the state in the cookie. Raises Forbidden, TooMany, ProviderFailed."""
        chosen = self._provider(provider)
        now = self._now()
        await self._use_up_try(address, now)
        if held is None or not hmac.compare_digest(held.encode(), state.encode()):
            raise _strange()
        row = await self._store.serial(lambda tx: _taken(tx, digest(state), now))
        if row is None or row.provider != chosen.settings.id:
            raise _strange()
        journey = Journey(self._redirect_uri(chosen), state, row.nonce, row.verifier)
        identity = await chosen.identify(journey, code)
        account = f"{chosen.settings.id}:{identity.subject}"
        await rates.use_up(self._store, rates.SIGN_IN_ACCOUNT, account, now)
        until = now + self._session_s

        def work(tx: Tx) -> str:
            shown = row.invitation
            user = _let_in(tx, chosen.settings, identity, shown, now=now, address=address)
            return logins.open_login(tx, Author(user, now, "web", address), user, until)

        return Arrival(await self._store.serial(work), row.destination)

    async def by_token(self, text: str, address: str) -> str:
        """The cookie of a session that ends with the token. Raises Unauthenticated, TooMany."""
        now = self._now()
        await self._use_up_try(address, now)

        def work(tx: Tx) -> str:
            token = tokens.find(tx, text, now)
            user = tx.get(UserRow, token.user) if token else None
            if token is None or user is None or user.disabled:
                raise Unauthenticated(
                    "this token is not good: it is unknown, expired, or was revoked",
                    remedy="ask who runs the server for another",
                )
            until = min(now + self._session_s, token.expires or float("inf"))
            author = Author(user.id, now, token.id, address)
            return logins.open_login(tx, author, user.id, until, token=token.id)

        return await self._store.serial(work)

    async def _use_up_try(self, address: str, now: float) -> None:
        source = rates.source_of(address)
        await rates.use_up(self._store, rates.SIGN_IN_ADDRESS, source, now)

    def _provider(self, name: str) -> Provider:
        if name not in self._providers:
            raise NotFound(f"no provider {name!r} is configured for signing in")
        return self._providers[name]

    def _journey(self, provider: Provider, state: str) -> Journey:
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        return Journey(self._redirect_uri(provider), state, nonce, verifier)

    def _redirect_uri(self, provider: Provider) -> str:
        return f"{self._base_url}/api/v1/sign-in/{provider.settings.id}/callback"


def local_path(destination: str) -> str:
    """A path of this server; anything else could send people elsewhere after they signed in."""
    if not destination.startswith("/") or destination.startswith(("//", "/\\")):
        return "/"
    return destination if destination.isprintable() and "\\" not in destination else "/"


def _taken(tx: Tx, key: str, now: float) -> SignInRow | None:
    """Once: a state is good for one return."""
    row = tx.get(SignInRow, key)
    tx.delete(SignInRow, key)
    return row if row is not None and row.until > now else None


def forget_old(tx: Tx, now: float) -> None:
    """Of those who never came back, of sessions that are over, of invitations nobody took up."""
    for row in tx.find(SignInRow, until__lt=now, limit=1000):
        tx.delete(SignInRow, row.id)
    logins.forget_old_logins(tx, now)
    invitations.forget_expired(tx, now)
    rates.forget_full(tx, now)


def _let_in(
    tx: Tx,
    provider: ProviderSettings,
    identity: Identity,
    invitation: str | None,
    *,
    now: float,
    address: str,
) -> str:
    offered = invitations.for_arrival(tx, invitation, identity.email, now)
    key = f"{provider.id}:{identity.subject}"
    link = tx.get(IdentityRow, key)
    known = tx.get(UserRow, link.user) if link else None
    invited = tx.find(UserRow, email=identity.email.lower(), limit=1) if identity.email else []
    decided = admitted(
        identity,
        provider,
        known,
        invited[0] if invited else None,
        lambda name: tx.get(UserRow, name) is not None,
        has_invitation=bool(offered),
    )
    author = Author(decided.user, now, "web", address)
    if decided.new:
        tx.add(UserRow(id=decided.user, created=now, name=identity.title))
        note(tx, author, "user.create", decided.user, provider=provider.id)
    if decided.linked:
        tx.add(IdentityRow(id=key, user=decided.user, created=now))
        note(tx, author, "identity.link", decided.user, identity=key)
    for one in offered:
        invitations.take_up(tx, author, one)
    return decided.user


def _strange() -> Forbidden:
    return Forbidden(
        "this browser did not begin that sign-in, or too long ago", remedy="sign in again"
    )
