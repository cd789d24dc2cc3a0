"""An image from one host to another by way of a server, over its real routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.machines.images.images import publish
from tests.server.api.site import Site, made

from mayfly.agent.connection import Connection, reach
from mayfly.agent.images import finder
from mayfly.agent.server_images import ServerImages
from mayfly.cli.client import Client
from mayfly.cli.image_push import push_image
from mayfly.cli.servers import Account
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.machines.base import silent
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.transfer import parts
from mayfly.protocol.wire import hash_key
from mayfly.server.api import agent_images
from mayfly.server.enrolment import HostKeys
from mayfly.server.images import image_key
from mayfly.store.rows import HostRow
from mayfly.system.home import Home

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


@dataclass
class Server:
    site: Site
    transport: httpx.ASGITransport
    images: ServerImages

    async def push(self, image: Image, name: str, who: str = "root") -> None:
        account = Account(self.site.settings.base_url, self.site.tokens[who])
        async with Client(account, self.transport) as client:
            await push_image(client, name=name, image=image)

    async def parts(self) -> set[str]:
        return set(await self.site.services.blobs.keys())


@asynccontextmanager
async def served() -> AsyncIterator[Server]:
    """With one host, whose key is `key`."""
    site = await made()
    services, app = site.services, site.app
    assert app is not None
    keys = HostKeys(site.store, site.now)
    app.include_router(agent_images.router(keys, services.store, services.blobs))
    await site.add(HostRow(id="host", key_hash=hash_key("key")))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with reach("http://server", transport=transport) as http:
        yield Server(site, transport, ServerImages(Connection(http, lambda: "key")))


@pytest.fixture
def theirs(tmp_path: Path) -> ImageStore:
    return ImageStore(Home(tmp_path / "theirs"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "host")


async def test_what_is_pushed_is_what_hosts_boot(home: Home, theirs: ImageStore) -> None:
    image = publish(theirs, content=b"root" * 100_000)
    async with served() as server:
        await server.push(image, "default")
        found = await finder(home, server.images)("default", AMD64, silent)
        assert await server.images.digest("default", ARM64) is None
        assert await server.images.digest("other", AMD64) is None
        assert "image.push" in await server.site.audited()
        async with server.site.client("viewer") as client:
            [listed] = (await client.get("/api/v1/images")).json()
    assert found.digest == image.digest
    assert found.root.read_bytes() == image.root.read_bytes()
    assert (listed["name"], listed["architecture"], listed["by"]) == ("default", "amd64", "root")


async def test_what_an_image_was_made_of_goes_with_its_last_name(theirs: ImageStore) -> None:
    first, second = (publish(theirs, content=content) for content in (b"one", b"two"))
    async with served() as server:
        await server.push(first, "default")
        await server.push(second, "default")
        assert await server.parts() == {image_key(part) for part in parts(second)}
        async with server.site.client("root") as client:
            assert (await client.delete("/api/v1/images/default/amd64")).status_code == 204
            assert (await client.delete("/api/v1/images/default/amd64")).status_code == 404
        assert await server.parts() == set()
        assert await server.images.digest("default", AMD64) is None


async def test_a_name_stands_for_nothing_that_is_not_there(theirs: ImageStore) -> None:
    async with served() as server, server.site.client("root") as client:
        body = {"parts": list(parts(publish(theirs)))}
        answer = await client.put("/api/v1/images/default/amd64", json=body)
        assert answer.status_code == 409
        assert "upload it" in answer.json()["remedy"]
        assert await server.images.digest("default", AMD64) is None


async def test_only_site_administrators_push(theirs: ImageStore) -> None:
    async with served() as server:
        with pytest.raises(InvalidInput, match="is not yours to do"):
            await server.push(publish(theirs), "default", "admin")
        assert await server.parts() == set()


async def test_hosts_get_parts_of_images_and_nothing_else(home: Home) -> None:
    async with served() as server:
        async with reach("http://server", transport=server.transport) as http:
            stranger = ServerImages(Connection(http, lambda: "no key"))
            with pytest.raises(MayflyError, match="key"):
                await stranger.digest("default", AMD64)
        for digest in ("0" * 64, "../uploads/x", ""):
            with pytest.raises(MayflyError):
                [piece async for piece in server.images.open(digest)]


async def test_a_server_from_before_images_names_none() -> None:
    site = await made()
    assert site.app is not None
    async with reach("http://server", transport=httpx.ASGITransport(site.app)) as http:
        images = ServerImages(Connection(http, lambda: "key"))
        assert await images.digest("default", AMD64) is None
