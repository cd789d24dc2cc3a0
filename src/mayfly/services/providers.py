"""The providers of sign-in that are configured, over one HTTP client."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import httpx

from mayfly.services.github_login import GithubLogin
from mayfly.services.oidc import OidcProvider
from mayfly.services.sign_in import Provider, ProviderKind, ProviderSettings


@contextlib.asynccontextmanager
async def open_providers(
    settings: Sequence[ProviderSettings],
) -> AsyncIterator[dict[str, Provider]]:
    """By id; good as long as the block lasts."""
    async with httpx.AsyncClient(follow_redirects=False) as http:
        yield {one.id: _provider(one, http) for one in settings}


def _provider(settings: ProviderSettings, http: httpx.AsyncClient) -> Provider:
    if settings.kind is ProviderKind.GITHUB:
        return GithubLogin(settings, http)
    return OidcProvider(settings, http)
