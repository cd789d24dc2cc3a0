"""Images by digest: what is sent, and what a receiver believes of it."""

import asyncio
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.machines.images.images import publish

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput, MayflyError
from mayfly.machines.base import silent
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.transfer import parts, receive
from mayfly.system.home import Home

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


class Blobs:
    """A store of blobs; `asked` are those that were wanted."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.piece = 3

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.content[digest] = data
        return digest

    async def open(self, digest: str) -> AsyncIterator[bytes]:
        self.asked.append(digest)
        if digest not in self.content:
            raise HostCannot("the server has no such thing")
        data = self.content[digest]
        for start in range(0, len(data), self.piece):
            await asyncio.sleep(0)
            yield data[start : start + self.piece]


class Sides:
    """A sender and a receiver."""

    def __init__(self, folder: Path):
        self.sender = ImageStore(Home(folder / "sender"))
        self.home = Home(folder / "receiver")
        self.store = ImageStore(self.home)
        self.blobs = Blobs()

    def upload(self, image: Image) -> str:
        for digest, file in parts(image).items():
            assert self.blobs.put(file.read_bytes()) == digest
        return image.digest

    def upload_manifest(self, image: Image, change: Callable[[Any], None]) -> str:
        """One that nobody would make, in its canonical form; its digest is right."""
        document = json.loads(image.manifest.to_bytes())
        change(document)
        return self.blobs.put(json.dumps(document, sort_keys=True, indent=1).encode() + b"\n")

    async def receive(self, digest: str, architecture: Architecture = AMD64) -> Image:
        return await receive(
            self.store, digest, architecture, self.blobs.open, silent, name="fetched.default"
        )

    async def refuses(self, digest: str, kind: type[MayflyError], message: str) -> None:
        before = files(self.home.root)
        with pytest.raises(kind, match=message):
            await self.receive(digest)
        assert files(self.home.root) - before <= {".lock", ".lock-fetched-amd64"}
        assert not self.store.has(digest)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path)


@pytest.fixture
def image(sides: Sides) -> Image:
    image = publish(sides.sender)
    sides.upload(image)
    return image


async def test_what_was_sent_is_there_and_has_a_name(sides: Sides, image: Image) -> None:
    told: list[float | None] = []
    received = await receive(
        sides.store,
        image.digest,
        AMD64,
        sides.blobs.open,
        lambda _, fraction: told.append(fraction),
        name="fetched.default",
    )
    assert received.manifest == image.manifest
    sides.store.verify(received, full=True)
    assert sides.store.names(image.digest) == ["fetched.default"]
    assert told == sorted(told, key=lambda value: value or 0)
    assert told[0] == 0
    assert told[-1] == 1


async def test_nothing_is_fetched_twice(sides: Sides, image: Image) -> None:
    one, two = await asyncio.gather(sides.receive(image.digest), sides.receive(image.digest))
    assert one.digest == two.digest
    assert await sides.receive(image.digest) == one
    assert sorted(sides.blobs.asked) == sorted(parts(image))


async def test_files_that_another_image_has_are_not_fetched(sides: Sides, image: Image) -> None:
    await sides.receive(image.digest)
    other = publish(sides.sender, content=b"newer packages")
    sides.upload(other)
    sides.blobs.asked.clear()
    received = await sides.receive(other.digest)
    root = other.manifest.files["root.erofs"].sha256
    assert sides.blobs.asked == [other.digest, root]
    sides.store.verify(received, full=True)
    assert sides.store.names(other.digest) == ["fetched.default"]
    assert sides.store.names(image.digest) == []


async def test_a_damaged_file_of_another_image_is_not_taken(sides: Sides, image: Image) -> None:
    mine = await sides.receive(image.digest)
    mine.kernel.chmod(0o644)
    mine.kernel.write_bytes(b"KERNEL")
    other = publish(sides.sender, content=b"newer packages")
    sides.upload(other)
    sides.store.verify(await sides.receive(other.digest), full=True)


async def test_a_damaged_image_is_fetched_again(sides: Sides, image: Image) -> None:
    mine = await sides.receive(image.digest)
    mine.root.chmod(0o644)
    mine.root.write_bytes(b"ROOT")
    sides.store.verify(await sides.receive(image.digest), full=True)


def _changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


@pytest.mark.parametrize("what", ["manifest", "root.erofs", "vmlinuz", "initrd"])
@pytest.mark.parametrize(
    "change",
    [_changed, lambda data: data[:-1], lambda data: data + b"x", lambda data: b""],
    ids=["changed", "truncated", "longer", "empty"],
)
async def test_what_is_not_what_was_asked_for_is_refused(
    sides: Sides, image: Image, what: str, change: Callable[[bytes], bytes]
) -> None:
    digest = image.digest if what == "manifest" else image.manifest.files[what].sha256
    sides.blobs.content[digest] = change(sides.blobs.content[digest])
    await sides.refuses(image.digest, HostCannot, "is not that")


async def test_a_stream_without_end_is_cut(sides: Sides, image: Image) -> None:
    given = 0

    async def endless(_digest: str) -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 1 << 20
            yield bytes(1 << 20)

    for digest in (image.digest, image.manifest.files["root.erofs"].sha256):
        given = 0

        async def some(wanted: str, bad: str = digest) -> AsyncIterator[bytes]:
            async for piece in endless(wanted) if wanted == bad else sides.blobs.open(wanted):
                yield piece

        with pytest.raises(HostCannot, match="is larger than"):
            await receive(sides.store, image.digest, AMD64, some, silent, name="x")
        assert given <= 8 << 20


async def test_a_source_that_fails_leaves_nothing(sides: Sides, image: Image) -> None:
    del sides.blobs.content[image.manifest.files["vmlinuz"].sha256]
    await sides.refuses(image.digest, HostCannot, "has no such thing")


def _named(name: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["files"][name] = {"sha256": "a" * 64, "size": 1}

    return change


def _sized(size: Any) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        document["files"]["root.erofs"]["size"] = size

    return change


def _many(document: Any) -> None:
    for number in range(100):
        _named(f"file{number}")(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_named("../../escape"), "bad file entry"),
        (_named("/etc/passwd"), "bad file entry"),
        (_named("a/b"), "bad file entry"),
        (_named(".hidden"), "bad file entry"),
        (_named("manifest.json"), "bad file entry"),
        (_named("x" * 100), "bad file entry"),
        (_sized(-1), "bad file entry"),
        (_sized("many"), "not a manifest"),
        (_sized(1.5), "not a manifest"),
        (_many, "more than 16 files"),
        (lambda document: document["files"].pop("initrd"), "has no initrd"),
        (lambda document: document.pop("files"), "not a manifest"),
        (lambda document: document.update(format=2), "format 2"),
        (lambda document: document.update(more=1), "canonical"),
        (lambda document: document.update(architecture="riscv64"), "not a manifest"),
        (lambda document: document.update(architecture="arm64"), "is for arm64, not amd64"),
    ],
)
async def test_a_manifest_that_nobody_would_make_is_refused(
    sides: Sides, image: Image, change: Callable[[Any], None], message: str
) -> None:
    digest = sides.upload_manifest(image, change)
    await sides.refuses(digest, InvalidInput, message)


async def test_a_manifest_cannot_take_a_name(sides: Sides, image: Image) -> None:
    def change(document: Any) -> None:
        document["recipe"] = "../../../escape"

    digest = sides.upload_manifest(image, change)
    await sides.receive(digest)
    assert sides.store.names(digest) == ["fetched.default"]


async def test_what_claims_to_be_huge_is_refused_before_it_is_fetched(
    sides: Sides, image: Image
) -> None:
    digest = sides.upload_manifest(image, _sized(1 << 60))
    await sides.refuses(digest, HostCannot, "fetching an image needs")
    assert sides.blobs.asked == [digest]


@pytest.mark.parametrize("digest", ["", "..", "a" * 63, "A" * 64, "../" * 22])
async def test_what_is_no_digest_is_not_asked_for(sides: Sides, digest: str) -> None:
    with pytest.raises(InvalidInput, match="cannot stand for"):
        await sides.receive(digest)
    assert sides.blobs.asked == []


async def test_an_image_is_for_its_architecture(sides: Sides, image: Image) -> None:
    await sides.receive(image.digest)
    with pytest.raises(InvalidInput, match="is for amd64, not arm64"):
        await sides.receive(image.digest, ARM64)


async def test_a_cancelled_call_leaves_nothing(sides: Sides, image: Image) -> None:
    stopped = asyncio.Event()
    last = image.manifest.files["vmlinuz"].sha256

    async def stopping(digest: str) -> AsyncIterator[bytes]:
        if digest == last:
            stopped.set()
            await asyncio.Event().wait()
        async for piece in sides.blobs.open(digest):
            yield piece

    receiving = asyncio.create_task(
        receive(sides.store, image.digest, AMD64, stopping, silent, name="x")
    )
    await stopped.wait()
    assert sides.store.list() == []
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    assert list(sides.home.images.glob(".building-*")) == []
    await sides.receive(image.digest)


RECEIVE_ELSEWHERE = """
import asyncio, sys
from pathlib import Path
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import silent
from mayfly.machines.images.store import ImageStore
from mayfly.machines.images.transfer import receive
from mayfly.system.home import Home

async def from_folder(digest):
    file = Path(sys.argv[2]) / digest
    if not file.exists():
        print("waiting", flush=True)
        await asyncio.Event().wait()
    yield file.read_bytes()

asyncio.run(receive(
    ImageStore(Home(Path(sys.argv[1]))), sys.argv[3], Architecture.AMD64, from_folder, silent,
    name="x",
))
"""


def test_what_a_killed_receiver_left_is_reaped(sides: Sides, image: Image, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    for digest, file in parts(image).items():
        if file.name != "vmlinuz":
            shutil.copyfile(file, served / digest)
    argv = [sys.executable, "-c", RECEIVE_ELSEWHERE]
    argv += [str(sides.home.root), str(served), image.digest]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        assert sides.store.reap() == []
        process.kill()
    assert len(sides.store.reap()) == 1
    assert sides.store.list() == []
    asyncio.run(sides.receive(image.digest))


async def test_a_manifest_that_lies_about_a_size_is_refused(sides: Sides, image: Image) -> None:
    digest = sides.upload_manifest(image, _sized(5))
    await sides.refuses(digest, HostCannot, "root.erofs has 4 bytes, not 5")


async def test_an_image_that_is_here_gets_the_name(sides: Sides, image: Image) -> None:
    here = publish(sides.store)
    assert here.digest == image.digest
    await sides.receive(image.digest)
    assert sides.blobs.asked == []
    assert sides.store.names(image.digest) == ["default", "fetched.default"]
