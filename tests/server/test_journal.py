"""Journals: who follows is told every entry once, wherever the entries lie meanwhile."""

import asyncio
import functools
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.errors import HostCannot, Location
from mayfly.domain.events import Event, JobRef, LogLines, RunFinished, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.server import journal
from mayfly.server.following import follow
from mayfly.server.journal import Journals
from mayfly.store.base import Entry, Store, Tx, View
from mayfly.store.blobs import BlobMissing, BlobStore, DirectoryBlobs, Stored
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import JobRow, RunRow, SegmentRow
from mayfly.workflow.planned import PlannedJob, PlannedState

T = TypeVar("T")

RUN, REF = "r1", RunRef("ci.yml")
JOBS = ("a", "b", None)


class SlowStore(MemoryStore):
    """Others get their turn while one waits for it."""

    async def serial(self, work: Callable[[Tx], T]) -> T:
        await asyncio.sleep(0)
        return await super().serial(work)

    async def read(self, work: Callable[[View], T]) -> T:
        await asyncio.sleep(0)
        found = await super().read(work)
        await asyncio.sleep(0)
        return found


class MemoryBlobs:
    """See `store.blobs.BlobStore`. The next `failing` blobs cannot be written."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.failing = 0

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> Stored:
        data = b"".join([chunk async for chunk in chunks])
        await asyncio.sleep(0)
        if self.failing:
            self.failing -= 1
            raise HostCannot("the disk is full")
        self.kept[key] = data
        return Stored(len(data), "")

    async def open(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        await asyncio.sleep(0)
        if key not in self.kept:
            raise BlobMissing(key)
        for start in range(offset, len(self.kept[key]), 50):
            yield self.kept[key][start : start + 50]

    async def size(self, key: str) -> int | None:
        return len(self.kept[key]) if key in self.kept else None

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    async def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.kept if key.startswith(prefix))

    async def close(self) -> None:
        pass


class Written:
    """One run's journal, written by a test."""

    def __init__(self, store: Store | None = None, blobs: BlobStore | None = None) -> None:
        self.store = store or SlowStore()
        self.blobs = blobs or MemoryBlobs()
        self.journals = Journals(self.store, self.blobs)
        self.entries: list[Entry] = []

    async def begin(self) -> None:
        def work(tx: Tx) -> None:
            tx.put(RunRow(id=RUN, project="p", ref=REF, name="ci"))
            for job in filter(None, JOBS):
                planned = PlannedJob(job, job, job, Location("ci.yml", 1, 1), PlannedState.READY)
                state = JobState.RUNNING
                tx.put(JobRow(id=job, run=RUN, project="p", planned=planned, state=state))

        await self.store.serial(work)

    async def write(self, job: str | None, count: int = 1) -> None:
        """Lines of a job, or of the run itself."""
        start = len(self.entries)
        numbers = range(start + 1, start + count + 1)
        events: list[Event] = [
            LogLines(float(number), JobRef(REF, job or ""), 1, (f"line {number}",))
            for number in numbers
        ]
        self.entries += [
            Entry(RUN, n, job, event) for n, event in zip(numbers, events, strict=True)
        ]
        await self.store.write(lambda tx: tx.emit(RUN, job, events))

    async def finish(self) -> None:
        event = RunFinished(1.0, REF, Conclusion.SUCCESS)
        self.entries.append(Entry(RUN, len(self.entries) + 1, None, event))

        def work(tx: Tx) -> None:
            tx.update(RunRow, RUN, {}, conclusion=Conclusion.SUCCESS)
            tx.emit(RUN, None, [event])

        await self.store.serial(work)

    def expected(self, after: int = 0, job: str | None = None) -> list[Entry]:
        return [entry for entry in self.entries[after:] if job in {None, entry.job}]

    async def followed(self, after: int = 0, job: str | None = None) -> list[Entry]:
        return [entry async for entry in self.follow(after, job)]

    async def follow(self, after: int = 0, job: str | None = None) -> AsyncGenerator[Entry, None]:
        async with aclosing(follow(self.store, self.journals, {RUN: after}, job)) as batches:
            async for batch in batches:
                for one in batch:
                    yield one.entry

    async def paged(self, after: int = 0, job: str | None = None) -> list[Entry]:
        found: list[Entry] = []
        while True:
            batch, after = await self.journals.entries(RUN, after, job)
            if not batch:
                return found
            found += batch


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that a few entries are several batches and segments."""
    with monkeypatch.context() as patch:
        patch.setattr(journal, "_BATCH", 3)
        patch.setattr(journal, "_SEGMENT", 4)
        yield


async def written(*, sealed: bool = False, **stores: Any) -> Written:
    """A run of 20 entries that is over."""
    run = Written(**stores)
    await run.begin()
    for _, job in zip(range(19), itertools.cycle(JOBS), strict=False):
        await run.write(job)
    await run.finish()
    if sealed:
        await run.journals.seal(RUN)
    return run


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [False, True])
def test_reading_may_begin_at_any_number_and_be_of_one_job(sealed: bool) -> None:
    async def check() -> None:
        run = await written(sealed=sealed)
        for after in range(22):
            for job in (None, "a", "b"):
                assert await run.followed(after, job) == run.expected(after, job)
                assert await run.paged(after, job) == run.expected(after, job)

    run_virtual(check)


@virtual_time
async def test_a_follower_is_told_what_comes_and_leaves_when_the_run_ends() -> None:
    run = Written()
    await run.begin()
    told: list[Entry] = []

    async def follow() -> None:
        async for entry in run.follow():
            told.append(entry)

    following = asyncio.create_task(follow())
    for count in range(1, 8):
        await asyncio.sleep(1)
        await run.write("a")
        await asyncio.sleep(1)
        assert len(told) == count
    assert not following.done()
    await run.finish()
    await following
    assert told == run.entries


@virtual_time
async def test_who_asks_for_a_page_of_a_run_that_goes_on_does_not_wait() -> None:
    run = Written()
    await run.begin()
    assert await run.journals.entries(RUN) == ([], 0)
    await run.write("a")
    [entry], after = await run.journals.entries(RUN)
    assert (entry.number, after) == (1, 1)
    assert await run.journals.entries(RUN, after) == ([], 1)


@virtual_time
async def test_a_run_that_is_unknown_has_no_entries() -> None:
    assert await Written().followed() == []


@virtual_time
async def test_who_stops_following_leaves_nothing() -> None:
    run = Written()
    await run.begin()
    await run.write("a")
    entries = run.follow()
    assert await anext(entries) == run.entries[0]
    waiting = asyncio.ensure_future(anext(entries))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.wait([waiting])
    with pytest.raises(StopAsyncIteration):
        await anext(entries)


# --- sealing -------------------------------------------------------------------------------------


@virtual_time
async def test_sealing_moves_all_but_the_last_ones_into_blobs() -> None:
    run = await written()
    assert await run.journals.seal(RUN, keep=6) == 14
    assert await run.store.read(lambda view: view.journal_span(RUN)) == (15, 20)
    segments = await run.store.read(lambda view: view.find(SegmentRow, order="first"))
    assert [(one.first, one.last) for one in segments] == [(1, 4), (5, 8), (9, 12), (13, 14)]
    assert await run.blobs.keys("journals/r1/") == [one.blob for one in segments]
    assert await run.followed() == run.entries
    assert await run.journals.seal(RUN, keep=6) == 0
    assert await run.journals.seal(RUN) == 6
    assert await run.store.read(lambda view: view.journal(RUN)) == []
    assert await run.followed() == run.entries


@virtual_time
async def test_a_blob_that_cannot_be_written_costs_no_entry() -> None:
    blobs = MemoryBlobs()
    run = await written(blobs=blobs)
    blobs.failing = 1
    with pytest.raises(HostCannot):
        await run.journals.seal(RUN)
    assert await run.followed() == run.entries
    await run.journals.seal(RUN)
    assert await run.followed() == run.entries


@virtual_time
async def test_several_servers_may_seal_at_once() -> None:
    run = await written()
    sealers = [Journals(run.store, run.blobs) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for number, sealer in enumerate(sealers):
            group.create_task(sealer.seal(RUN, keep=number * 2))
    assert await run.followed() == run.entries
    assert await run.store.read(lambda view: view.journal_span(RUN)) == (21, 20)


def test_sealing_that_is_cut_short_at_any_moment_loses_nothing() -> None:
    for turn in itertools.count(1):
        run = run_virtual(written)
        seal = functools.partial(run.journals.seal, RUN)
        try:
            run_virtual(seal, cancel_at=turn)
        except asyncio.CancelledError:
            assert run_virtual(run.followed) == run.entries
            run_virtual(seal)
            assert run_virtual(run.followed) == run.entries
        else:
            break
    assert turn > 10


def test_journals_in_a_folder(tmp_path: Path) -> None:
    async def check() -> None:
        run = await written(sealed=True, blobs=DirectoryBlobs(tmp_path))
        assert await run.followed() == run.entries
        assert await run.paged(7, "b") == run.expected(7, "b")

    asyncio.run(check())


# --- all at once ---------------------------------------------------------------------------------

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2), st.integers(1, 9)),
        st.tuples(st.just("seal"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 6), st.just(0)),
    ),
    max_size=25,
)
FOLLOWERS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from([None, "a", "b"])), min_size=1, max_size=4
)


@settings(max_examples=150, deadline=None)
@given(acts=ACTS, followers=FOLLOWERS, sealing=st.booleans())
def test_whatever_is_sealed_meanwhile_followers_miss_and_repeat_nothing(
    acts: list[tuple[str, int, int]], followers: list[tuple[int, str | None]], sealing: bool
) -> None:
    async def check() -> None:
        run = Written()
        await run.begin()
        reading = [asyncio.create_task(run.followed(after, job)) for after, job in followers]
        sealers = []
        for act, number, count in acts:
            if act == "write":
                await run.write(JOBS[number], count)
            elif act == "wait":
                for _ in range(number):
                    await asyncio.sleep(0)
            else:
                sealers.append(asyncio.create_task(run.journals.seal(RUN, keep=number)))
        await run.finish()
        if sealing:
            sealers.append(asyncio.create_task(run.journals.seal(RUN)))
        for (after, job), told in zip(followers, reading, strict=True):
            assert await told == run.expected(after, job)
        await asyncio.gather(*sealers)
        for after, job in followers:
            assert await run.paged(after, job) == run.expected(after, job)

    run_virtual(check)
