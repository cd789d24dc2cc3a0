"""What is kept is deleted when its time is over: all of it, once, and nothing that is needed."""

import asyncio
import functools
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from moto.server import ThreadedMotoServer
from tests.blobs import MemoryBlobs
from tests.server.failing import Killed, Mortal
from tests.store.stores import SqliteFiles, open_with
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.events import JobRef, LogLines, RunFinished, RunRef
from mayfly.domain.job import Conclusion
from mayfly.server.following import follow
from mayfly.server.journal import Journals
from mayfly.server.retention import Retention
from mayfly.server.uploads import Uploads, of_user, use
from mayfly.store.base import Store, Tx
from mayfly.store.blobs import BlobMissing, BlobStore, open_blobs
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import (
    ArrivingRow,
    RemovalRow,
    RunRow,
    SegmentRow,
    UploaderRow,
    UploadRow,
)

T = TypeVar("T")

DAY = 86400.0
UPLOADS_S, LOGS_S = 14 * DAY, 30 * DAY
MONA, REF = of_user("mona"), RunRef("ci.yml")


class Lab:
    """A store and blobs whose time a test sets."""

    def __init__(self, store: Store | None = None, blobs: BlobStore | None = None) -> None:
        self.time = 1_000_000_000.0
        self.memory = store or MemoryStore()
        self.kept = blobs or MemoryBlobs()
        numbers = itertools.count(1)
        self.uploads = Uploads(
            self.memory, self.kept, self.now, lambda: f"i{next(numbers)}", 1 << 30
        )
        self.journals = Journals(self.memory, self.kept)
        self.retention = self.server()

    def now(self) -> float:
        return self.time

    def server(self, mortal: Mortal | None = None, **options: Any) -> Retention:
        store, blobs = self.memory, self.kept
        if mortal is not None:
            assert isinstance(blobs, MemoryBlobs)
            store, blobs = mortal.store(store), mortal.blobs(blobs)
        times = {"uploads_s": UPLOADS_S, "logs_s": LOGS_S, **options}
        return Retention(store, blobs, self.now, **times)

    async def serial(self, work: Callable[[Tx], T]) -> T:
        return await self.memory.serial(work)

    async def rows(self, kind: type[T]) -> list[T]:
        return await self.memory.read(lambda view: view.find(kind))

    async def send(self, *names: str) -> None:
        for name in names:
            await self.uploads.keep(name, MONA, _content(name))

    async def run(self, name: str, source: str, **actions: str) -> None:
        """One that begins now and names those uploads."""
        row = RunRow(
            id=name,
            project="o/p",
            ref=REF,
            name="ci",
            source=source,
            actions=actions,
            created=self.time,
        )

        def work(tx: Tx) -> None:
            assert use(tx, [source, *actions.values()], self.time) == []
            tx.put(row)
            tx.emit(name, None, [LogLines(self.time, JobRef(REF, "a"), 0, ("hello",))])

        await self.serial(work)

    async def end(self, name: str, *, seal: bool = True) -> None:
        def work(tx: Tx) -> None:
            row = tx.get(RunRow, name)
            assert row is not None
            tx.put(replace(row, finished=self.time, conclusion=Conclusion.SUCCESS, sealed=seal))
            tx.emit(name, None, [RunFinished(self.time, REF, Conclusion.SUCCESS)])

        await self.serial(work)
        if seal:
            await self.journals.seal(name)

    async def all_steps(self) -> int:
        """Says how many it took."""
        for count in itertools.count(1):
            if not await self.retention.step():
                return count
        raise AssertionError

    async def there(self) -> set[str]:
        """The names of uploads that can be read."""
        found = set()
        for row in await self.rows(UploadRow):
            assert b"".join([p async for p in self.uploads.open(row.id)]) == row.id.encode()
            found.add(row.id)
        return found

    async def log(self, run: str) -> list[int]:
        batches = follow(self.memory, self.journals, {run: 0})
        return [one.entry.number async for batch in batches for one in batch]

    async def check(self) -> None:
        """What holds at every moment: rows name what is there, blobs are known."""
        removals = {row.id for row in await self.rows(RemovalRow)}
        named = {row.blob for row in await self.rows(UploadRow)}
        named |= {row.blob for row in await self.rows(SegmentRow)}
        blobs = set(await self.kept.keys())
        assert named <= blobs <= named | removals
        assert not named & removals
        stored = sum(row.size for row in await self.rows(UploadRow))
        arriving = sum(row.size for row in await self.rows(ArrivingRow))
        assert sum(row.stored for row in await self.rows(UploaderRow)) == stored + arriving


async def _content(name: str) -> AsyncIterator[bytes]:
    yield name.encode()


@pytest.fixture(params=["memory", "folder", "s3"])
async def lab(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lab]:
    """Over each place for blobs; with a database where those are real ones."""
    if request.param == "memory":
        yield Lab()
        return
    endpoint = place = None
    if request.param == "s3":
        endpoint = request.getfixturevalue("s3")
        place = "s3://blobs"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "x")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="blobs")
    store = await open_with(SqliteFiles(tmp_path).make())
    blobs = open_blobs(place or str(tmp_path / "blobs"), endpoint)
    yield Lab(store, blobs)
    for key in await blobs.keys():
        await blobs.delete(key)
    await blobs.close()
    await store.close()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


# --- uploads -------------------------------------------------------------------------------------


async def test_what_nobody_used_for_long_is_deleted_and_nothing_else(lab: Lab) -> None:
    await lab.send("old", "action")
    lab.time += 10 * DAY
    await lab.send("young")
    lab.time += 4 * DAY - 1
    await lab.all_steps()
    assert await lab.there() == {"old", "action", "young"}
    lab.time += 2
    await lab.all_steps()
    assert await lab.there() == {"young"}
    assert len(await lab.kept.keys()) == 1
    assert await lab.rows(RemovalRow) == []
    await lab.check()


async def test_what_an_unfinished_run_names_stays_until_its_time_is_over_then(lab: Lab) -> None:
    await lab.send("source", "action", "other")
    await lab.run("r", "source", key="action")
    for _ in range(5):
        lab.time += 20 * DAY
        await lab.all_steps()
        assert await lab.there() == {"source", "action"}
    await lab.end("r")
    lab.time += 13 * DAY
    await lab.all_steps()
    assert await lab.there() == {"source", "action"}
    lab.time += 2 * DAY
    await lab.all_steps()
    assert await lab.there() == set()
    await lab.check()


async def test_a_run_that_begins_keeps_what_it_names(lab: Lab) -> None:
    await lab.send("source")
    lab.time += 13 * DAY
    await lab.run("r", "source")
    await lab.end("r")
    lab.time += 13 * DAY
    await lab.all_steps()
    assert await lab.there() == {"source"}


async def test_who_asks_for_one_finds_it_for_as_long_again(lab: Lab) -> None:
    await lab.send("source")
    lab.time += 13 * DAY
    assert await lab.uploads.has("source")
    lab.time += 13 * DAY
    await lab.all_steps()
    assert await lab.there() == {"source"}


async def test_one_that_was_deleted_is_sent_again(lab: Lab) -> None:
    await lab.send("source")
    lab.time += 15 * DAY
    await lab.all_steps()
    assert not await lab.uploads.has("source")
    await lab.send("source")
    await lab.all_steps()
    assert await lab.there() == {"source"}
    await lab.check()


async def test_room_for_what_never_came_is_given_back(lab: Lab) -> None:
    arriving = ArrivingRow(id="i0", owner=MONA, size=500, until=lab.time + 10)
    await lab.serial(lambda tx: tx.put(arriving))
    await lab.serial(lambda tx: tx.put(UploaderRow(id=MONA, stored=500)))
    lab.time += 9
    await lab.all_steps()
    assert await lab.rows(ArrivingRow) == [arriving]
    lab.time += 2
    await lab.all_steps()
    assert (await lab.rows(ArrivingRow), await lab.rows(UploaderRow)) == ([], [])


async def test_for_ever_is_for_ever() -> None:
    lab = Lab()
    lab.retention = lab.server(uploads_s=None, logs_s=None)
    await lab.send("source")
    await lab.run("r", "source")
    await lab.end("r")
    lab.time += 10_000 * DAY
    await lab.all_steps()
    assert await lab.there() == {"source"}
    assert await lab.log("r") == [1, 2]


async def test_many_go_little_by_little() -> None:
    lab = Lab()
    await lab.send(*(f"u{number}" for number in range(170)))
    lab.time += 15 * DAY
    assert await lab.retention.step()
    assert len(await lab.rows(UploadRow)) == 120
    assert await lab.all_steps() == 3
    assert (await lab.there(), await lab.kept.keys()) == (set(), [])


async def test_those_that_are_needed_are_in_nobodys_way() -> None:
    lab = Lab()
    needed = [f"a{number:03}" for number in range(120)]
    await lab.send(*needed)
    for name in needed:
        await lab.run(f"r{name}", name)
    lab.time += 1
    await lab.send("unused")
    lab.time += 15 * DAY
    await lab.all_steps()
    assert await lab.there() == set(needed)


async def test_servers_whose_clocks_differ_delete_nothing_that_is_needed() -> None:
    lab = Lab()
    await lab.send("source")
    await lab.run("r", "source")
    row = (await lab.rows(RunRow))[0]
    await lab.serial(lambda tx: tx.put(replace(row, created=row.created + 600)))
    lab.time += UPLOADS_S + 300
    await lab.all_steps()
    assert await lab.there() == {"source"}


# --- logs ----------------------------------------------------------------------------------------


async def test_the_log_of_a_run_goes_when_its_time_is_over(lab: Lab) -> None:
    for name in ("old", "long", "going"):
        await lab.send(name)
        await lab.run(name, name)
    await lab.end("old")
    await lab.journals.seal("long")
    await lab.journals.seal("going")
    lab.time += 20 * DAY
    await lab.end("long")
    lab.time += 10 * DAY - 1
    await lab.all_steps()
    assert [await lab.log(run) for run in ("old", "long")] == [[1, 2], [1, 2]]
    lab.time += 2
    await lab.all_steps()
    runs = {row.id: row for row in await lab.rows(RunRow)}
    assert {name: row.log_gone for name, row in runs.items()} == {
        "old": lab.time,
        "long": None,
        "going": None,
    }
    assert (await lab.log("old"), await lab.log("long")) == ([], [1, 2])
    assert {row.run for row in await lab.rows(SegmentRow)} == {"long", "going"}
    assert [key for key in await lab.kept.keys("journals/") if "/old/" in key] == []
    lab.time += 20 * DAY
    await lab.all_steps()
    assert {row.run for row in await lab.rows(SegmentRow)} == {"going"}
    await lab.check()


async def test_who_reads_a_log_that_is_deleted_just_then_reads_to_its_end() -> None:
    lab = Lab()
    await lab.send("s")
    await lab.run("r", "s")
    await lab.end("r")
    lab.time += 31 * DAY

    class Slow(MemoryBlobs):
        async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
            await lab.all_steps()
            async for piece in lab.kept.open(key, offset):
                yield piece

    journals = Journals(lab.memory, Slow())
    assert [batch async for batch in follow(lab.memory, journals, {"r": 0})] == []


async def test_a_part_that_is_lost_is_not_taken_for_deleted() -> None:
    lab = Lab()
    await lab.send("s")
    await lab.run("r", "s")
    await lab.end("r")
    for key in await lab.kept.keys("journals/"):
        await lab.kept.delete(key)
    with pytest.raises(BlobMissing):
        await lab.log("r")


# --- several servers, and such as are killed -----------------------------------------------------


async def _full() -> Lab:
    lab = Lab()
    await lab.send("old1", "old2", "needed")
    await lab.run("needs", "needed")
    await lab.run("ended", "old1")
    await lab.end("ended")
    lab.time += 40 * DAY
    await lab.send("young")
    return lab


async def _is_done(lab: Lab) -> None:
    await lab.check()
    assert await lab.there() == {"needed", "young"}
    assert (await lab.rows(SegmentRow), await lab.rows(RemovalRow)) == ([], [])
    assert len(await lab.kept.keys()) == 2


def test_killed_at_any_moment_the_next_one_goes_on() -> None:
    for calls in itertools.count():
        if not run_virtual(functools.partial(_killed, calls)):
            break
    assert calls > 6


async def _killed(calls: int) -> bool:
    lab = await _full()
    try:
        await lab.server(Mortal(calls)).step()
        killed = False
    except Killed:
        killed = True
    await lab.check()
    await lab.send("old2")  # somebody needs it again, whatever has become of it
    await lab.check()
    await lab.all_steps()
    await lab.check()
    assert await lab.there() == {"needed", "young", "old2"}
    assert (await lab.rows(SegmentRow), await lab.rows(RemovalRow)) == ([], [])
    return killed


@virtual_time
async def test_several_servers_at_once() -> None:
    lab = await _full()
    await asyncio.gather(*(lab.server(Mortal()).step() for _ in range(3)))
    await lab.all_steps()
    await _is_done(lab)


@virtual_time
async def test_a_slow_server_deletes_nothing_that_came_anew() -> None:
    """It has read what to remove; meanwhile another removed it, and the same was sent again."""
    lab = await _full()
    go_on = asyncio.Event()

    class Slow(MemoryBlobs):
        async def delete(self, key: str) -> None:
            await go_on.wait()
            await lab.kept.delete(key)

    slow = Retention(lab.memory, Slow(), lab.now, uploads_s=UPLOADS_S, logs_s=LOGS_S)
    stepping = asyncio.create_task(slow.step())
    await asyncio.sleep(1)
    await lab.all_steps()
    await lab.send("old1", "old2")
    go_on.set()
    await stepping
    assert await lab.there() == {"needed", "young", "old1", "old2"}
    await lab.check()
