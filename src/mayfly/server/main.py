"""The server's composition root: one replica, from its configuration to its last connection.

Any number of replicas share a database and blobs; each answers everything, and none keeps what
another would need.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from mayfly.forges.github.connector import connected
from mayfly.protocol import wire
from mayfly.server.api.agent_app import with_agents
from mayfly.server.api.requests import NOWHERE
from mayfly.server.api.state import begin_closing
from mayfly.server.app import make_app
from mayfly.server.assembly import make_services
from mayfly.server.clockwork import Clockwork
from mayfly.server.config import ServerConfig
from mayfly.server.listening import listening
from mayfly.server.people.tokens import first_admin_token
from mayfly.server.services import Services
from mayfly.server.settings import Settings
from mayfly.server.starts import Starts
from mayfly.services.providers import open_providers
from mayfly.store.blobs import open_blobs
from mayfly.store.rows import ProjectRow
from mayfly.store.sql.migrate import migrate
from mayfly.store.sql.store import open_store
from mayfly.store.vault import Vault
from mayfly.system.garbage import settle
from mayfly.system.home import Home
from mayfly.system.tasks import stop
from mayfly.system.threads import in_thread


@dataclass(frozen=True, slots=True)
class Up:
    """A server that answers. `token` is there once: while nobody could sign in without it."""

    url: str
    token: str | None
    services: Services


Started = Callable[[Up], None]
"""Told once it can be reached."""


async def serve(config: ServerConfig, home: Home, wish: asyncio.Event, started: Started) -> None:
    """One replica until `wish` is set; then it ends what it answers, and leaves."""
    async with opened(config, home) as services:
        app = make_app(services)
        served = with_agents(app, services)
        loops = [asyncio.create_task(loop()) for loop in _loops(services, home)]
        try:
            for path in (NOWHERE, f"{wire.PREFIX}{NOWHERE}"):
                await _build_routes(served, path)
            settle()
            async with listening(served, *config.listen):
                token = await first_admin_token(services.store, services.now())
                started(Up(config.url, token, services))
                try:
                    await _until(wish, loops)
                finally:
                    begin_closing(app)
        finally:
            await stop(*loops)


async def _build_routes(app: ASGIApp, place: str) -> None:
    """The first request has the framework build all routes, for seconds: it shall be ours."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Any) -> None:
        """Nobody asked."""

    path = {"path": place, "raw_path": place.encode(), "query_string": b"", "root_path": ""}
    line = {"type": "http", "method": "GET", "scheme": "http", "http_version": "1.1", "headers": []}
    await app({**path, **line, "server": None, "client": None}, receive, send)


async def _until(wish: asyncio.Event, loops: "list[asyncio.Task[None]]") -> None:
    """Raises what a loop raised: a server without it would only look alive."""
    wished = asyncio.create_task(wish.wait())
    try:
        done, _ = await asyncio.wait({wished, *loops}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await stop(wished)


@contextlib.asynccontextmanager
async def opened(config: ServerConfig, home: Home) -> AsyncIterator[Services]:
    """The parts of a replica over its database, which is brought to this version first."""
    vault = Vault.open(config.key_file)
    await in_thread(migrate, config.database)
    store = await open_store(config.database, vault)
    try:
        blobs = open_blobs(config.blobs or str(home.root / "blobs"), config.s3_endpoint)
        settings = Settings(
            base_url=config.url,
            open_metrics=config.open_metrics,
            github_url=config.github_url,
            github_api_url=config.github_api_url,
            uploads_limit=config.uploads_limit,
            journal_limit=config.journal_limit,
            uploads_s=config.uploads_s,
            logs_s=config.logs_s,
        )
        async with (
            open_providers(config.providers) as providers,
            connected(time.time) as connector,
        ):
            yield make_services(
                store, blobs, settings, time.time, providers=providers, connector=connector
            )
    finally:
        await store.close()


def _loops(services: Services, home: Home) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """What goes on beside answering."""
    clockwork = Clockwork(
        services.store,
        services.orchestrator,
        services.scheduler,
        services.journal,
        services.now,
        retention=services.retention,
    )
    starts = Starts(
        services.store,
        services.uploads,
        services.submissions,
        home=home,
        credentials=services.github.token if services.github else _no_credentials,
        now=services.now,
    )
    loops = [clockwork.run, starts.run]
    return [*loops, services.github.run] if services.github else loops


async def _no_credentials(_project: ProjectRow) -> str | None:
    """Repositories that everybody may read."""
    return None
