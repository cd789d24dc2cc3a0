"""Following runs: nothing is lost or told twice, wherever one goes on from."""

import asyncio
from contextlib import aclosing

from tests.server.api.fleet_of_one import TWO_JOBS, Host, submitted
from tests.server.api.site import Site, made
from tests.virtual_time import virtual_time

from mayfly.domain.events import LogLines
from mayfly.domain.job import JobState
from mayfly.server.following import Followed, follow
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import JobRow
from mayfly.system.tasks import stop


async def all_of(site: Site, places: dict[str, int], job: str | None = None) -> list[Followed]:
    batches = follow(site.store, site.services.journal, places, job)
    return [followed async for batch in batches for followed in batch]


@virtual_time
async def test_live_and_late_followers_are_told_the_same() -> None:
    site = await made()
    runs = (await submitted(site, TWO_JOBS, TWO_JOBS)).runs
    live = asyncio.create_task(all_of(site, dict.fromkeys(runs, 0)))
    await (await Host(site).open()).run_all()
    late = await all_of(site, dict.fromkeys(runs, 0))
    for run in runs:
        told = [one.entry for one in await live if one.entry.run == run]
        assert [entry.number for entry in told] == [n + 1 for n in range(len(told))]
        assert told == [one.entry for one in late if one.entry.run == run]


@virtual_time
async def test_one_goes_on_from_each_place_also_when_the_journal_lies_in_blobs() -> None:
    site = await made()
    runs = (await submitted(site, TWO_JOBS, TWO_JOBS)).runs
    await (await Host(site).open()).run_all()
    whole = await all_of(site, dict.fromkeys(runs, 0))
    await site.services.journal.seal(runs[0])
    for number, followed in enumerate(whole):
        rest = await all_of(site, dict(followed.places))
        left = {(one.entry.run, one.entry.number) for one in whole[number + 1 :]}
        assert len(rest) == len(left)
        assert {(one.entry.run, one.entry.number) for one in rest} == left


@virtual_time
async def test_a_run_that_is_over_is_told_to_its_end_however_long_it_is() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    host = await Host(site).open()
    lease = await host.start()
    for number in range(1200):
        await host.print(lease, str(number))
    await host.end(lease, JobState.FAILED)
    told = [one.entry.event for one in await all_of(site, {run: 0})]
    lines = [line for event in told if isinstance(event, LogLines) for line in event.lines]
    assert lines == [str(number) for number in range(1200)]


@virtual_time
async def test_a_job_is_over_before_its_run() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    [build, test] = await site.rows(JobRow, order="created", run=run)
    host = await Host(site).open()
    lease = await host.start()
    following = asyncio.create_task(all_of(site, {run: 0}, build.id))
    await host.print(lease, "made")
    await host.end(lease)
    told = [one.entry for one in await following]
    assert {entry.job for entry in told} == {build.id}
    assert [entry.event.lines for entry in told if isinstance(entry.event, LogLines)] == [("made",)]
    assert not (await site.rows(JobRow, id=test.id))[0].state.is_final


@virtual_time
async def test_who_stops_following_leaves_nothing_behind() -> None:
    site = await made()
    [run] = (await submitted(site, TWO_JOBS)).runs
    async with aclosing(follow(site.store, site.services.journal, {run: 0})) as entries:
        await anext(entries)
        waiting = asyncio.create_task(_drain(entries))
        await asyncio.sleep(1)
        await stop(waiting)
    assert isinstance(site.store, MemoryStore)
    assert site.store._watches._of_topic == {}


async def _drain(entries: object) -> None:
    async for _ in entries:  # type: ignore[attr-defined]
        pass
