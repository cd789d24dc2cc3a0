"""Reports on their way: how they are put together, and when they are sent."""

import asyncio
from dataclasses import dataclass, field

import pytest
from tests.virtual_time import virtual_time

from mayfly.agent.connection import SessionOver, Unreachable
from mayfly.agent.outbox import Outbox
from mayfly.domain.job import JobState
from mayfly.protocol import wire
from mayfly.protocol.fleet import JobEnded, Lease, Printed, StaleLease
from mayfly.system.tasks import stop

ONE, OTHER = Lease("one", 1), Lease("other", 1)
ENDED = JobEnded(JobState.SUCCEEDED)
LINE = Printed(0, ("a line",))


@dataclass
class Post:
    """Takes requests, each for so long; remembers when they came and what was in them."""

    takes_s: float = 0.001
    stale: set[Lease] = field(default_factory=set)
    fails: Exception | None = None
    came: list[float] = field(default_factory=list)
    sent: list[wire.Reports] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.box = Outbox(self.take)
        self.box.open(ONE)
        self.box.open(OTHER)
        self.running = asyncio.create_task(self.box.run())

    async def take(self, body: bytes) -> wire.Taken:
        self.came.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes_s)
        if self.fails is not None:
            raise self.fails
        reports = wire.read(wire.Reports, body)
        self.sent.append(reports)
        return wire.Taken(tuple(self.stale & {one.lease for one in reports.reports}))


@virtual_time
async def test_a_stale_lease_takes_no_more_reports() -> None:
    post = Post()
    post.stale.add(ONE)
    await post.box.put(ONE, LINE)
    await asyncio.sleep(1)
    with pytest.raises(StaleLease):
        await post.box.put(ONE, LINE)
    await post.box.put(OTHER, ENDED)
    assert post.box.held == ()
    await stop(post.running)


@virtual_time
async def test_who_waits_for_room_learns_that_its_lease_is_stale() -> None:
    post = Post(takes_s=10)
    post.stale.add(ONE)

    async def flood() -> None:
        while True:
            await post.box.put(ONE, Printed(0, ("x" * 50_000,)))

    with pytest.raises(StaleLease):
        await flood()
    await stop(post.running)


@virtual_time
async def test_requests_keep_a_distance_but_the_first_is_sent_at_once() -> None:
    post = Post()
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        await post.box.put(ONE, LINE)
        await asyncio.sleep(0.01)
    assert post.came[0] - began < 0.001
    gaps = [later - before for before, later in zip(post.came, post.came[1:], strict=False)]
    assert all(gap == pytest.approx(0.05, abs=0.011) for gap in gaps)
    assert 18 <= len(post.came) <= 21
    await stop(post.running)


@virtual_time
async def test_the_end_of_a_job_does_not_wait_for_the_next_request() -> None:
    post = Post()
    await post.box.put(OTHER, LINE)
    await asyncio.sleep(0.005)
    began = asyncio.get_running_loop().time()
    await post.box.put(ONE, ENDED)
    assert asyncio.get_running_loop().time() - began < 0.01
    await stop(post.running)


@virtual_time
async def test_requests_are_bounded_and_no_lease_waits_for_anothers_flood() -> None:
    post = Post(takes_s=1)
    await post.box.put(ONE, LINE)
    await asyncio.sleep(0.5)
    for _ in range(50):
        await post.box.put(ONE, Printed(0, ("x" * 10_000,)))
    await post.box.put(OTHER, LINE)
    await asyncio.sleep(2)
    second = post.sent[1]
    assert {one.lease for one in second.reports} == {ONE, OTHER}
    assert len(wire.write(second)) < 300 * 1024
    await post.box.put(ONE, ENDED)
    numbers = [one.number for sent in post.sent for one in sent.reports if one.lease == ONE]
    assert numbers == list(range(1, 53))
    await stop(post.running)


@virtual_time
async def test_a_report_larger_than_any_request_is_sent_alone() -> None:
    post = Post()
    await post.box.put(ONE, Printed(0, ("x" * 3_000_000,)))
    await post.box.put(ONE, ENDED)
    assert [len(sent.reports) for sent in post.sent] == [1, 1]
    await stop(post.running)


@virtual_time
async def test_what_the_server_could_not_take_is_sent_again_as_it_was() -> None:
    post = Post()
    post.fails = Unreachable("no route")
    await post.box.put(ONE, LINE)
    await asyncio.sleep(60)
    assert 5 < len(post.came) < 20  # ever more rarely
    post.fails = None
    await post.box.put(ONE, ENDED)
    assert [one.number for sent in post.sent for one in sent.reports] == [1, 2]
    await stop(post.running)


@virtual_time
async def test_a_job_on_which_the_server_fails_for_minutes_is_given_up() -> None:
    post = Post()
    post.fails = Unreachable("a defect", 500)
    await post.box.put(ONE, LINE)
    await asyncio.sleep(600)
    post.fails = None
    with pytest.raises(StaleLease):
        await post.box.put(ONE, LINE)
    await asyncio.sleep(60)
    [last] = post.sent[-1].reports
    assert (last.lease, last.number, last.report.type) == (ONE, 1, "JobEnded")
    assert last.report.body["state"] == "lost"
    await stop(post.running)


@virtual_time
async def test_a_failure_reaches_everybody_who_waits() -> None:
    post = Post(takes_s=1000)
    ending = asyncio.create_task(post.box.put(ONE, ENDED))
    settling = asyncio.create_task(post.box.settled())
    await asyncio.sleep(1)
    post.box.fail(SessionOver("over"))
    for waiting in (ending, settling):
        with pytest.raises(SessionOver):
            await waiting
    with pytest.raises(SessionOver):
        await post.box.put(OTHER, LINE)
    await stop(post.running)


@virtual_time
async def test_a_lease_that_was_never_opened_takes_no_reports() -> None:
    post = Post()
    with pytest.raises(StaleLease):
        await post.box.put(Lease("unknown", 1), LINE)
    await stop(post.running)
