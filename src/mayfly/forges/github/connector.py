"""Clients of apps over one pool of connections, for who knows apps but not HTTP."""

import contextlib
from collections.abc import AsyncIterator

import httpx

from mayfly.forges.github.auth import Clock
from mayfly.forges.github.client import PUBLIC_API, GitHubApp, convert_manifest
from mayfly.forges.github.manifest import AppCredentials

_AT_ONCE = 100


class Connector:
    """The caller closes `http`. `clock` gives seconds since 1970."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock):
        self._http = http
        self._clock = clock

    def app(self, app_id: int, private_key: str, base_url: str = PUBLIC_API) -> GitHubApp:
        """Raises InvalidInput for a key that is none."""
        return GitHubApp(
            self._http,
            app_id=app_id,
            private_key=private_key,
            clock=self._clock,
            base_url=base_url,
        )

    async def convert(self, code: str, base_url: str = PUBLIC_API) -> AppCredentials:
        """The keys of an app that was just made of our manifest. Raises GitHubError."""
        return await convert_manifest(self._http, code, clock=self._clock, base_url=base_url)


@contextlib.asynccontextmanager
async def connected(clock: Clock) -> AsyncIterator[Connector]:
    """Proxies are taken from the environment."""
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=20)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(30.0)) as http:
        yield Connector(http, clock)
