"""Who we are to GitHub: the app, by a signed token of its own, and its installations, by tokens
that GitHub gives for an hour."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mayfly.domain.errors import InvalidInput
from mayfly.forges.fields import Fields, moment, text

Clock = Callable[[], float]

_SKEW = 60.0  # seconds that GitHub's clock may be behind ours
_APP_TOKEN_LIFE = 540.0  # seconds; with the skew it is GitHub's bound of ten minutes
_RENEW_BEFORE = 300.0  # seconds before its end a token is not begun with any more


class Credential(Protocol):
    """What goes into the header `Authorization`. Calls may be made concurrently."""

    async def get(self) -> str:
        """A token that is valid for minutes. Raises GitHubError."""

    def refused(self, token: str) -> None:
        """GitHub does not take this one: the next must be another."""


class AppKey:
    """The app's private key. Signing takes a millisecond, so tokens are kept while they last."""

    def __init__(self, issuer: str, pem: str, clock: Clock):
        """`issuer` is the app's id or client id. Raises InvalidInput."""
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise InvalidInput(
                "the GitHub app's private key is not an RSA key in PEM format",
                remedy="generate a private key on the app's settings page and use the whole file",
            )
        self._key = key
        self._issuer = issuer
        self._clock = clock
        self._token = ""
        self._until = 0.0

    async def get(self) -> str:
        now = self._clock()
        if now > self._until - _SKEW:
            self._until = now + _APP_TOKEN_LIFE
            claims = {"iat": int(now - _SKEW), "exp": int(self._until), "iss": self._issuer}
            self._token = jwt.encode(claims, self._key, algorithm="RS256")
        return self._token

    def refused(self, token: str) -> None:
        if token == self._token:
            self._until = 0.0


@dataclass(frozen=True, slots=True)
class Token:
    """An installation's; `expires` in seconds since 1970."""

    value: str
    expires: float

    def __repr__(self) -> str:
        return f"Token(expires={self.expires})"


def read_token(value: Any) -> Token:
    """Raises DecodeError."""
    fields = Fields(value)
    return Token(fields.need("token", text), fields.need("expires_at", moment))


class Tokens:
    """The installations' tokens, fetched once however many ask at the same time."""

    def __init__(self, fetch: Callable[[int], Awaitable[Token]], clock: Clock):
        self._fetch = fetch
        self._clock = clock
        self._tokens: dict[int, Token] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, installation: int) -> Credential:
        return _InstallationToken(self, installation)

    async def get(self, installation: int) -> str:
        async with self._locks[installation]:
            token = self._tokens.get(installation)
            if token is None or self._clock() > token.expires - _RENEW_BEFORE:
                token = await self._fetch(installation)
                self._tokens[installation] = token
            return token.value

    def refused(self, installation: int, value: str) -> None:
        token = self._tokens.get(installation)
        if token is not None and token.value == value:
            del self._tokens[installation]


@dataclass(frozen=True, slots=True)
class _InstallationToken:
    tokens: Tokens
    installation: int

    async def get(self) -> str:
        return await self.tokens.get(self.installation)

    def refused(self, token: str) -> None:
        self.tokens.refused(self.installation, token)
