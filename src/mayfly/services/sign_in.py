"""Providers of sign-in: what is known of one, and what each must be able to do."""

import enum
from dataclasses import dataclass
from typing import Protocol

from mayfly.domain.errors import MayflyError


class ProviderFailed(MayflyError):
    """The provider refused, answered nonsense or could not be reached."""


class ProviderKind(enum.StrEnum):
    """GitHub speaks OAuth, but not OpenID Connect, to people who sign in."""

    OIDC = "oidc"
    GITHUB = "github"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """One provider, registered there with `redirect_uri` as its address to come back to.

    `server` is the issuer of OIDC, or GitHub's web address; `api` is of GitHub only. Who is not
    known yet gets in if an administrator invited their address, or if `sign_up` is set and, where
    they are given, one of the `domains` (of the verified address) or of the `groups` (GitHub's
    organisations; of OIDC the claim `groups`) is theirs.
    """

    id: str
    title: str
    kind: ProviderKind = ProviderKind.OIDC
    server: str = "https://github.com"
    api: str = "https://api.github.com"
    client_id: str
    client_secret: str
    sign_up: bool = False
    domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for. `email` only if verified; all but `subject` may change."""

    subject: str
    name: str
    title: str = ""
    email: str | None = None
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Journey:
    """What a browser takes along to the provider and must come back with.

    `verifier` stays here: the provider sees its hash first and itself in the end (PKCE).
    """

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


class Provider(Protocol):
    """Calls may be made concurrently. All raise ProviderFailed."""

    @property
    def settings(self) -> ProviderSettings: ...

    async def address(self, journey: Journey) -> str:
        """Where to send the browser."""

    async def identify(self, journey: Journey, code: str) -> Identity:
        """Who came back with that code; it is good once."""
