"""Uploads: kept once, bounded by whose they are, and never a blob that no row knows of."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
from tests.blobs import MemoryBlobs
from tests.server.failing import Killed, Mortal
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.errors import HostCannot
from mayfly.server import uploads
from mayfly.server.refusals import Conflict
from mayfly.server.uploads import UploadGone, Uploads, of_project, of_user, uploaded_by, use
from mayfly.store.blobs import Stored
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import ArrivingRow, RemovalRow, UploaderRow, UploadRow

T = TypeVar("T")

MONA, LISA = of_user("mona"), of_user("lisa")
START = 1_000_000.0


class FullBlobs(MemoryBlobs):
    """Whose disk turns out to be full when all was said."""

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        async for _chunk in chunks:
            pass
        raise HostCannot("the disk is full")


class Lab:
    """One server's uploads; `mortal` may be killed."""

    def __init__(self, limit: int = 100, blobs: MemoryBlobs | None = None) -> None:
        self.numbers = itertools.count(1)
        self.limit = limit
        self.memory = MemoryStore()
        self.kept = blobs or MemoryBlobs()
        self.uploads = self.server()

    def server(self, mortal: Mortal | None = None) -> Uploads:
        """Another replica."""
        mortal = mortal or Mortal()
        store, blobs = mortal.store(self.memory), mortal.blobs(self.kept)
        return Uploads(store, blobs, self.now, lambda: f"i{next(self.numbers)}", self.limit)

    @staticmethod
    def now() -> float:
        return START + asyncio.get_running_loop().time()

    def rows(self, kind: type[T]) -> list[T]:
        return self.memory.view().find(kind)

    def check(self) -> None:
        """What holds at every moment, whoever was killed."""
        named = {row.blob for row in self.rows(UploadRow)} | {r.id for r in self.rows(RemovalRow)}
        assert set(self.kept.kept) <= named
        counted = {row.id: row.stored for row in self.rows(UploaderRow)}
        for owner in (MONA, LISA):
            stored = [r.size for r in self.rows(UploadRow) if r.owner == owner]
            arriving = [r.size for r in self.rows(ArrivingRow) if r.owner == owner]
            assert counted.get(owner, 0) == sum(stored) + sum(arriving)
            assert sum(stored) + sum(arriving) <= self.limit

    async def read(self, name: str) -> bytes:
        return b"".join([piece async for piece in self.uploads.open(name)])


async def pieces(size: int, each: int = 10) -> AsyncIterator[bytes]:
    for start in range(0, size, each):
        await asyncio.sleep(0)
        yield b"x" * min(each, size - start)


async def unread() -> AsyncIterator[bytes]:
    raise AssertionError("nobody should read this")
    yield b""


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_STEP", 20)


# --- kept, found, used ---------------------------------------------------------------------------


@virtual_time
async def test_what_was_sent_is_found_by_its_name(lab: Lab) -> None:
    assert not await lab.uploads.has("a")
    await lab.uploads.keep("a", MONA, pieces(35))
    assert await lab.uploads.has("a")
    assert await lab.read("a") == b"x" * 35
    [row] = lab.rows(UploadRow)
    assert (row.owner, row.size, row.used) == (MONA, 35, lab.now())
    lab.check()


@virtual_time
async def test_what_is_there_is_not_read_again_but_used(lab: Lab) -> None:
    await lab.uploads.keep("a", MONA, pieces(35))
    await asyncio.sleep(500)
    await lab.uploads.keep("a", MONA, unread())
    [row] = lab.rows(UploadRow)
    assert row.used == lab.now()
    await asyncio.sleep(500)
    assert await lab.uploads.has("a")
    [row] = lab.rows(UploadRow)
    assert row.used == lab.now()


@virtual_time
async def test_empty_ones_are_kept_too(lab: Lab) -> None:
    await lab.uploads.keep("a", MONA, pieces(0))
    assert await lab.uploads.has("a")
    assert await lab.read("a") == b""
    lab.check()


@virtual_time
async def test_what_is_not_there_cannot_be_opened(lab: Lab) -> None:
    with pytest.raises(UploadGone):
        await lab.read("a")


@virtual_time
async def test_a_run_says_what_it_uses_and_hears_what_is_gone(lab: Lab) -> None:
    await lab.uploads.keep("a", MONA, pieces(5))
    await asyncio.sleep(50)
    assert await lab.memory.serial(lambda tx: use(tx, ["b", "a", "b"], lab.now())) == ["b"]
    [row] = lab.rows(UploadRow)
    assert row.used == lab.now()


@virtual_time
async def test_the_same_sent_twice_at_once_is_kept_once(lab: Lab) -> None:
    other = lab.server()
    sent = (one.keep("a", MONA, pieces(30)) for one in (lab.uploads, other, lab.uploads))
    await asyncio.gather(*sent)
    assert len(lab.kept.kept) == len(lab.rows(UploadRow)) == 1
    assert await lab.read("a") == b"x" * 30
    lab.check()


def test_what_one_sent_has_a_name_of_its_own() -> None:
    names = {uploaded_by(user, "d") for user in ("mona", "lisa", None)}
    assert len(names) == 3
    assert len({of_user("a"), of_user(None), of_project("a")}) == 3


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [None, 30])
def test_an_owner_has_so_much_and_no_more(length: int | None) -> None:
    @virtual_time
    async def check() -> None:
        lab = Lab()
        for name in ("a", "b", "c"):
            await lab.uploads.keep(name, MONA, pieces(30), length)
        with pytest.raises(Conflict, match=r"the uploads of user mona fill the .* GiB") as refused:
            await lab.uploads.keep("d", MONA, pieces(30), length)
        assert "uploads_gib" in (refused.value.remedy or "")
        lab.check()
        assert not await lab.uploads.has("d")
        assert lab.rows(ArrivingRow) == []
        assert len(lab.kept.kept) == 3
        await lab.uploads.keep("d", LISA, pieces(30), length)
        await lab.uploads.keep("e", MONA, pieces(10), 10)  # what is left, to the last byte
        lab.check()
        assert await lab.uploads.has("e")
        with pytest.raises(Conflict):
            await lab.uploads.keep("f", MONA, pieces(1))

    check()


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
@pytest.mark.parametrize("said", [True, False])
def test_the_last_byte_counts(size: int, fits: bool, said: bool) -> None:
    @virtual_time
    async def check() -> None:
        lab = Lab()
        sending = lab.uploads.keep("a", MONA, pieces(size, 7), size if said else None)
        if fits:
            await sending
        else:
            with pytest.raises(Conflict):
                await sending
        assert await lab.uploads.has("a") is fits
        lab.check()

    check()


@virtual_time
async def test_what_is_being_sent_counts(lab: Lab) -> None:
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 10
        await go_on.wait()
        yield b"x" * 50

    sending = asyncio.create_task(lab.uploads.keep("a", MONA, slow(), 60))
    await asyncio.sleep(1)
    with pytest.raises(Conflict):
        await lab.uploads.keep("b", MONA, pieces(50), 50)
    go_on.set()
    await sending
    lab.check()
    assert await lab.uploads.has("a")


@virtual_time
async def test_who_says_too_small_a_length_gains_nothing(lab: Lab) -> None:
    with pytest.raises(Conflict):
        await lab.uploads.keep("a", MONA, pieces(101), 1)
    lab.check()
    assert lab.kept.kept == {}


@virtual_time
async def test_what_took_too_long_is_counted_all_the_same(lab: Lab) -> None:
    """Its room was given back meanwhile, and others may have it."""
    await lab.uploads.keep("a", MONA, pieces(60))

    async def forgotten() -> AsyncIterator[bytes]:
        yield b"x" * 40
        [arriving] = lab.rows(ArrivingRow)
        await lab.memory.serial(lambda tx: uploads.give_back(tx, arriving.id))
        await lab.uploads.keep("b", MONA, pieces(5))

    with pytest.raises(Conflict):
        await lab.uploads.keep("c", MONA, forgotten(), 40)
    lab.check()


# --- broken off ----------------------------------------------------------------------------------


@virtual_time
async def test_what_breaks_off_leaves_nothing(lab: Lab) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * 30
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await lab.uploads.keep("a", MONA, broken())
    assert (lab.rows(UploaderRow), lab.rows(ArrivingRow), lab.kept.kept) == ([], [], {})


@virtual_time
async def test_a_disk_that_is_full_leaves_nothing() -> None:
    lab = Lab(blobs=FullBlobs())
    with pytest.raises(HostCannot):
        await lab.uploads.keep("a", MONA, pieces(30))
    lab.check()
    assert (lab.rows(UploaderRow), lab.rows(UploadRow)) == ([], [])


def test_cancelled_at_any_moment_it_is_there_or_not() -> None:
    for turn in itertools.count(1):
        lab = Lab()
        keep = functools.partial(run_virtual, functools.partial(_keep, lab))
        try:
            keep(cancel_at=turn)
        except asyncio.CancelledError:
            lab.check()
            keep()
            lab.check()
            assert run_virtual(functools.partial(lab.read, "a")) == b"x" * 45
        else:
            break
    assert turn > 5


async def _keep(lab: Lab) -> None:
    await lab.uploads.keep("a", MONA, pieces(45))


@pytest.mark.parametrize("length", [None, 45])
def test_killed_at_any_moment_the_next_one_goes_on(length: int | None) -> None:
    for calls in itertools.count():
        lab = Lab(limit=200)  # a dead one's room is given back later
        killed = functools.partial(_killed, lab, Mortal(calls), length)
        if not run_virtual(killed):
            break
        lab.check()
        run_virtual(functools.partial(_goes_on, lab))
    assert calls >= 3  # room, row, blob


async def _killed(lab: Lab, mortal: Mortal, length: int | None) -> bool:
    try:
        await lab.server(mortal).keep("a", MONA, pieces(45), length)
    except Killed:
        return True
    return False


async def _goes_on(lab: Lab) -> None:
    there = await lab.uploads.has("a")
    assert there == (bool(lab.rows(UploadRow)) and bool(lab.kept.kept))
    await lab.uploads.keep("a", MONA, pieces(45), 45)
    assert await lab.read("a") == b"x" * 45
    lab.check()
