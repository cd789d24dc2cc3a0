"""A server as its clients see it: the real application over a store in memory, no sockets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI
from tests.blobs import MemoryBlobs

from mayfly.server.api.state import keep_services
from mayfly.server.app import make_app
from mayfly.server.assembly import make_services
from mayfly.server.people import tokens
from mayfly.server.people.audit import Author
from mayfly.server.settings import Settings
from mayfly.services.sign_in import Provider
from mayfly.store.base import Store
from mayfly.store.memory import MemoryStore
from mayfly.store.people import AuditRow, MemberRow, Role, Scope, UserRow
from mayfly.store.rows import ProjectRow

PROJECT = "acme/site"
OPEN = "acme/open"


@dataclass
class Site:
    """`clock` is the time; `tokens` are of the users by name.

    An application is slow to make: one that is given serves this site from now on.
    """

    settings: Settings = field(default_factory=lambda: Settings(base_url="http://mayfly.test"))
    providers: Mapping[str, Provider] = field(default_factory=dict)
    clock: float = 1_000_000.0
    store: Store = field(default_factory=MemoryStore)
    tokens: dict[str, str] = field(default_factory=dict)
    app: FastAPI | None = None

    def __post_init__(self) -> None:
        self.services = make_services(
            self.store, MemoryBlobs(), self.settings, self.now, providers=self.providers
        )
        self.app = self.app or make_app(self.services)
        keep_services(self.app, self.services)

    def now(self) -> float:
        """Never the same twice, so that what is noted has an order."""
        self.clock += 1e-5
        return self.clock

    def client(self, user: str | None = None, **options: Any) -> httpx.AsyncClient:
        assert self.app is not None
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url=self.settings.base_url,
            headers=headers,
            **options,
        )

    async def add(self, *rows: Any) -> None:
        def work(tx: Any) -> None:
            for row in rows:
                tx.add(row)

        await self.store.serial(work)

    async def rows(self, kind: type[Any], **conditions: Any) -> list[Any]:
        return await self.store.read(lambda view: view.find(kind, **conditions))

    async def audited(self) -> list[str]:
        """The actions noted, the oldest first."""
        return [row.action for row in await self.rows(AuditRow)]

    async def people(self) -> None:
        """Two projects, one of them public, and a user of each kind, each with a token."""
        await self.add(
            ProjectRow(id=PROJECT, created=self.clock),
            ProjectRow(id=OPEN, created=self.clock, public=True),
        )
        await self.user("root", site_admin=True)
        await self.user("stranger")
        for role in Role:
            await self.user(role.value, role=role)

    async def user(
        self,
        name: str,
        *,
        role: Role | None = None,
        site_admin: bool = False,
        scopes: Iterable[Scope] = (Scope.ADMIN,),
    ) -> None:
        await self.add(UserRow(id=name, created=self.clock, site_admin=site_admin))
        if role:
            key = f"{PROJECT}/{name}"
            row = MemberRow(id=key, project=PROJECT, user=name, role=role, created=self.clock)
            await self.add(row)
        self.tokens[name] = await self.token(name, scopes)

    async def token(self, user: str, scopes: Iterable[Scope], **options: Any) -> str:
        author = Author("system", self.clock)
        issued = await self.store.serial(
            lambda tx: tokens.issue(tx, author, user, "test", scopes, **options)
        )
        return issued.text


async def made(**options: Any) -> Site:
    site = Site(**options)
    await site.people()
    return site
