"""The stand-in in the test's own event loop, held against GitHub's schemas in all it says."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from tests.standins.github import contract
from tests.standins.github.stand_in import StandInGitHub
from tests.standins.github.world import App, Installation

from mayfly.forges.github.client import GitHubApp

URL = "https://github.test"
EPOCH = 1_700_000_000.0  # seconds since 1970 at which the loop's clock begins


@dataclass
class Webhooks:
    """An ASGI application that keeps what it is sent, in order; `status` is its answer."""

    status: int = 200

    def __post_init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.received.append((headers, body))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True)
class InProcess:
    """`http` reaches the stand-in."""

    github: StandInGitHub
    http: httpx.AsyncClient

    def client(self, app: App) -> GitHubApp:
        """Ours, for that app."""
        return GitHubApp(
            self.http,
            app_id=app.id,
            private_key=app.pem,
            clock=self.github.clock,
            base_url=self.github.api_url,
        )

    def installed(self, organization: str = "octo-org") -> tuple[App, Installation]:
        """An app on all repositories of an organisation."""
        app = self.github.create_app(organization, webhook_url="https://mayfly.test/hook")
        return app, self.github.install(app, organization)


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


@contextlib.asynccontextmanager
async def in_process(receiver: Any = None, *, seed: int = 0) -> AsyncIterator[InProcess]:
    """`receiver` is the ASGI application that gets the webhooks."""
    inbox = httpx.ASGITransport(Webhooks() if receiver is None else receiver)
    async with (
        httpx.AsyncClient(transport=inbox) as hooks,
        StandInGitHub(
            url=URL,
            http_client=hooks,
            clock=now,
            rng=random.Random(seed),
            check_webhook=contract.check_webhook,
        ) as github,
        httpx.AsyncClient(
            transport=contract.CheckedTransport(httpx.ASGITransport(github.asgi), github.api_url)
        ) as http,
    ):
        yield InProcess(github, http)
