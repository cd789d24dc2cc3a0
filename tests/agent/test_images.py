"""Which image is booted: the server's by digest, else this host's own."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.machines.images.images import publish

from mayfly.agent import images
from mayfly.agent.images import finder
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.machines.base import silent
from mayfly.machines.images.recipe import Recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.transfer import parts
from mayfly.system.home import Home

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


class Server:
    """An ImageSource."""

    def __init__(self, folder: Path):
        self.store = ImageStore(Home(folder))
        self.names: dict[tuple[str, Architecture], str] = {}
        self.content: dict[str, bytes] = {}
        self.asked: list[str] = []

    def upload(self, image: Image, name: str) -> None:
        self.names[name, image.architecture] = image.digest
        for digest, file in parts(image).items():
            self.content[digest] = file.read_bytes()

    async def digest(self, name: str, architecture: Architecture) -> str | None:
        self.asked.append(name)
        return self.names.get((name, architecture))

    async def open(self, digest: str) -> AsyncIterator[bytes]:
        if digest not in self.content:
            raise HostCannot("the server does not have it")
        yield self.content[digest]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "host")


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "server")


async def test_the_servers_image_comes_before_this_hosts(home: Home, server: Server) -> None:
    store = ImageStore(home)
    mine = publish(store, recipe="mine", content=b"of this host")
    theirs = publish(server.store, recipe="mine", content=b"of the server")
    server.upload(theirs, "mine")
    find = finder(home, server)
    assert (await find("mine", AMD64, silent)).digest == theirs.digest
    assert store.find("mine", AMD64) == mine.digest
    assert store.names(theirs.digest) == ["fetched.mine"]


async def test_a_name_that_stands_for_another_image_brings_that(home: Home, server: Server) -> None:
    find = finder(home, server)
    digests = []
    for content in (b"one", b"two"):
        server.upload(publish(server.store, content=content), "default")
        digests.append((await find("default", AMD64, silent)).digest)
    assert len(set(digests)) == 2
    assert ImageStore(home).names(digests[0]) == []


async def test_a_digest_needs_no_name(home: Home, server: Server) -> None:
    image = publish(server.store)
    server.upload(image, "default")
    found = await finder(home, server)(image.digest, AMD64, silent)
    assert found.digest == image.digest
    assert server.asked == []
    with pytest.raises(HostCannot, match="does not have it"):
        await finder(home, server)("f" * 64, AMD64, silent)


async def test_what_the_server_does_not_name_is_this_hosts(home: Home, server: Server) -> None:
    mine = publish(ImageStore(home), recipe="mine")
    server.upload(publish(server.store, recipe="mine", architecture=ARM64), "mine")
    assert (await finder(home, server)("mine", AMD64, silent)).digest == mine.digest
    assert (await finder(home)("mine", AMD64, silent)).digest == mine.digest
    with pytest.raises(InvalidInput, match="no image other"):
        await finder(home, server)("other", AMD64, silent)


async def test_recipes_are_built_where_the_server_has_none(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    built: list[str] = []

    async def build(home: Home, recipe: Recipe, *_: object, **__: object) -> Image:
        built.append(recipe.name)
        return publish(ImageStore(home), recipe=recipe.name)

    monkeypatch.setattr(images, "build", build)
    file = tmp_path / "own.toml"
    file.write_text('name = "own"')
    await finder(home, server)("default", AMD64, silent)
    await finder(home)(str(file), AMD64, silent)
    assert built == ["default", "own"]
    assert server.asked == ["default"]


def test_the_digest_of_an_image_is_that_of_its_manifest(server: Server) -> None:
    image = publish(server.store)
    manifest = next(iter(parts(image).values()))
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == image.digest


async def test_no_job_of_a_fleet_has_a_file_of_the_host_read(
    home: Home, server: Server, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yml"
    recipe.write_text("a secret of the host")
    for path in (str(recipe), "/etc/passwd", "../recipe.yml", "./recipe.yml"):
        with pytest.raises(InvalidInput, match="no image") as refused:
            await finder(home, server)(path, AMD64, silent)
        assert "secret" not in str(refused.value)
    assert server.asked == []
