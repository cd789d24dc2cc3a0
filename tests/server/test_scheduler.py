"""The mirror of queue and hosts: the same as one read anew, whatever happened and was undone."""

import asyncio
import contextlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.service import BOTH, LARGE, PROJECT, Service, jobs
from tests.virtual_time import run_virtual, virtual_time

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import JobState
from mayfly.domain.labels import Requirement
from mayfly.domain.placement import Capacity
from mayfly.protocol.fleet import Lease
from mayfly.server.changed import Changed
from mayfly.server.dispatch import SessionOver
from mayfly.server.hosts import UnknownHost
from mayfly.server.scheduler import Scheduler
from mayfly.server.sessions import end_session
from mayfly.store.base import Store, StoreUnavailable, Tx
from mayfly.store.memory import MemoryStore
from mayfly.store.rows import HostRow, JobRow, ProjectRow, RunRow

HOSTS = ("h1", "h2", "h3")
OTHER = "octo/other"


class Undone(Exception):
    """The test wants the transaction undone."""


async def undone(store: Store, work: Any) -> Any:
    """What the work comes to, in a transaction of which nothing stays."""
    found = []

    def attempt(tx: Tx) -> None:
        found.append(work(tx))
        raise Undone

    with pytest.raises(Undone):
        await store.serial(attempt)
    return found[0]


def decisions(tx: Tx, scheduler: Scheduler) -> list[Any]:
    """All it would decide now: reservations, then jobs for each host until each is full."""
    scheduler.catch_up(tx)
    found: list[Any] = list(scheduler.review(tx))
    boundless = (1_000_000, 1 << 30)
    for host in HOSTS:
        while chosen := scheduler.choose(host, boundless):
            found.append((host, chosen.job, chosen.architecture))
            scheduler.started(chosen.job, host)
    run = next(iter(tx.find(RunRow, limit=1)), None)
    sizes = [Requirement(cpu=Decimal(cpu), memory_mib=mib) for cpu in (1, 6) for mib in (512, 9000)]
    return [*found, *(scheduler.placed(tx, run, size) for size in sizes if run)]


SIZES = ("mayfly-1cpu-1gb", "mayfly-2cpu-4gb", "mayfly-any-3cpu-1gb", "mayfly-arm64-1cpu-8gb")
ACTS = st.tuples(
    st.sampled_from(
        [
            *["submit", "claim", "claim", "finish", "start", "cancel", "lose", "open", "look"],
            *["drain", "quarantine", "remove", "resize", "quota", "reserve"],
        ]
    ),
    st.integers(0, 11),
    st.booleans(),
)


@settings(max_examples=120, deadline=None)
@given(acts=st.lists(ACTS, max_size=30))
def test_it_is_the_same_as_one_read_anew(acts: list[tuple[str, int, bool]]) -> None:
    """After any changes, some of which were undone after they had been looked at."""
    run_virtual(lambda: _compare(acts))


async def _compare(acts: list[tuple[str, int, bool]]) -> None:
    world = _World(Service())
    for host in HOSTS[:2]:
        world.sessions[host] = await world.service.host(host, Capacity(Decimal(4), 8192, BOTH))
    for act, choice, stays in acts:
        await world.act(act, choice, stays=stays)
    known = world.service.scheduler
    anew = Scheduler(world.service.now, world.service.bound_s)
    expected = await undone(world.service.store, lambda tx: decisions(tx, anew))
    # Twice: deciding in a transaction that is undone must leave nothing behind.
    for _ in range(2):
        found = await undone(world.service.store, lambda tx: decisions(tx, known))
        assert found == expected


class _World:
    """A service and the changes of a test; each may be undone after the mirror has seen it."""

    def __init__(self, service: Service):
        self.service = service
        self.sessions: dict[str, str] = {}
        self._count = 0

    async def act(self, act: str, choice: int, *, stays: bool) -> None:
        host = HOSTS[choice % 2]
        if act == "submit":
            await self._submit(choice)
        elif act == "claim":
            await self._claim(host, stays=stays)
        elif act == "open":
            with contextlib.suppress(UnknownHost):  # it may be removed just now
                session = await self.service.session(host, Capacity(Decimal(4), 8192, BOTH))
                self.sessions[host] = session
        elif act == "look":
            await self.service.serial(self.service.scheduler.catch_up)
        else:
            await self._change(act, host, choice, stays=stays)

    async def _submit(self, choice: int) -> None:
        self._count += 1
        names = [f"j{self._count}-{number}" for number in range(choice % 3 + 1)]
        text = jobs(*names, size=SIZES[choice % len(SIZES)])
        await self.service.submit(text, id=(PROJECT, OTHER)[choice % 2], weight=choice % 3 + 1)

    async def _claim(self, host: str, *, stays: bool) -> None:
        self.service.store.breaks = not stays
        with contextlib.suppress(SessionOver, StoreUnavailable):
            await self.service.fill(self.sessions[host])
        self.service.store.breaks = 0

    async def _change(self, act: str, host: str, choice: int, *, stays: bool) -> None:
        def work(tx: Tx) -> None:
            self._write(tx, act, host, choice)
            if choice % 3:  # not always, for what nobody saw need not be seen again
                self.service.scheduler.catch_up(tx)

        if stays:
            await self.service.serial(work)
        else:
            await undone(self.service.store, work)

    def _write(self, tx: Tx, act: str, host: str, choice: int) -> None:
        row = tx.get(HostRow, host)
        assert row is not None
        orchestrator = self.service.orchestrator
        active = [job for job in tx.find(JobRow) if not job.state.is_final]
        job = active[choice % len(active)] if active else None
        if act == "lose":
            end_session(tx, orchestrator, self.sessions[host], "the test says so")
        elif act == "drain":
            tx.put(replace(row, draining=not row.draining))
        elif act == "quarantine":
            tx.put(replace(row, quarantined=None if row.quarantined else "broken"))
        elif act == "remove":
            tx.put(replace(row, removed=not row.removed))
        elif act == "resize":
            tx.put(replace(row, millicpu=1000 * choice, cpu_factor=1.5))
        elif act == "quota":
            quota = None if choice == 0 else choice
            tx.put(ProjectRow(id=PROJECT, quota_jobs=quota, hosts=(host,) if choice % 2 else ()))
        elif job is not None:
            self._move(tx, act, job, host)

    def _move(self, tx: Tx, act: str, job: JobRow, host: str) -> None:
        orchestrator = self.service.orchestrator
        if act == "cancel":
            orchestrator.cancel_job(tx, job.id, "the test says so")
        elif act == "finish" and job.attempt and job.state is not JobState.QUEUED:
            orchestrator.end_job(tx, job.id, JobState.SUCCEEDED, None)
        elif act == "start" and job.state is JobState.ASSIGNED:
            run = tx.get(RunRow, job.run)
            assert run is not None
            orchestrator.jobs.move(tx, run, job, JobState.RUNNING, None)
        elif act == "reserve" and job.state is JobState.QUEUED:
            if tx.find(JobRow, reserved_on=host, state=JobState.QUEUED, limit=1):
                return  # a review never keeps a host for two
            tx.put(replace(job, reserved_on=host, reserved_at=self.service.now()))


# --- what may be undone --------------------------------------------------------------------------


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


async def changed(store: MemoryStore, changes: Changed[HostRow]) -> dict[str, HostRow | None]:
    return await store.serial(lambda tx: dict(changes.since_last(tx)))


@virtual_time
async def test_changes_are_given_once(store: MemoryStore) -> None:
    changes = Changed(HostRow)
    await store.serial(lambda tx: tx.put(HostRow(id="a", memory_mib=1)))
    await store.serial(lambda tx: tx.put(HostRow(id="b")))
    assert set(await changed(store, changes)) == {"a", "b"}
    assert await changed(store, changes) == {}
    await store.serial(lambda tx: tx.put(HostRow(id="a", memory_mib=2)))
    [row] = (await changed(store, changes)).values()
    assert row is not None
    assert row.memory_mib == 2
    assert await changed(store, changes) == {}


@virtual_time
async def test_what_was_undone_is_given_as_it_was(store: MemoryStore) -> None:
    changes = Changed(HostRow)
    await store.serial(lambda tx: tx.put(HostRow(id="a", memory_mib=1)))

    def work(tx: Tx) -> dict[str, HostRow | None]:
        tx.put(HostRow(id="a", memory_mib=2))
        tx.put(HostRow(id="b"))
        return dict(changes.since_last(tx))

    seen = await undone(store, work)
    assert seen["a"].memory_mib == 2
    found = await changed(store, changes)
    assert found["a"] is not None
    assert (found["a"].memory_mib, found["b"]) == (1, None)
    assert await changed(store, changes) == {}


@virtual_time
async def test_what_an_undone_change_hid_is_given(store: MemoryStore) -> None:
    """Another's change came since, and was covered by the one that was undone."""
    changes = Changed(HostRow)
    await changed(store, changes)
    await store.serial(lambda tx: tx.put(HostRow(id="a", memory_mib=1)))

    def work(tx: Tx) -> None:
        tx.put(HostRow(id="a", memory_mib=2))
        changes.since_last(tx)

    await undone(store, work)
    [row] = (await changed(store, changes)).values()
    assert row is not None
    assert row.memory_mib == 1


@virtual_time
async def test_what_the_first_look_left_out_is_given_when_it_was_undone(
    store: MemoryStore,
) -> None:
    changes = Changed(HostRow, online=True)
    await store.serial(lambda tx: tx.put(HostRow(id="a", online=True)))

    def work(tx: Tx) -> None:
        tx.put(HostRow(id="a", online=False))
        changes.since_last(tx)

    await undone(store, work)
    assert set(await changed(store, changes)) == {"a"}


class Grouped:
    """A transaction that shares the database's with others before it, none of them committed."""

    def __init__(self, tx: Tx, others: int):
        self._tx = tx
        self.number = tx.number + others
        self.committed = tx.committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)


@virtual_time
async def test_what_was_undone_with_others_of_its_group_is_given_as_it_was(
    store: MemoryStore,
) -> None:
    changes = Changed(HostRow)
    await store.serial(lambda tx: tx.put(HostRow(id="a", memory_mib=1)))
    await changed(store, changes)

    def work(tx: Any) -> None:
        tx.put(HostRow(id="a", memory_mib=2))  # by another
        [(_, row)] = changes.since_last(Grouped(tx, 2))
        assert row is not None
        assert row.memory_mib == 2

    await undone(store, work)
    await store.serial(lambda tx: tx.put(HostRow(id="b")))  # with the number of what was undone
    found = await changed(store, changes)
    assert {key: row.memory_mib for key, row in found.items() if row} == {"a": 1, "b": 0}


# --- questions -----------------------------------------------------------------------------------


async def placed(
    service: Service, wanted: Requirement, **run: Any
) -> tuple[Requirement, str | None]:
    [one] = await service.submit(jobs("a"))
    row = replace(await service.run(one), **run)
    return await service.serial(lambda tx: service.scheduler.placed(tx, row, wanted))


@virtual_time
async def test_before_there_is_any_host_every_job_may_wait() -> None:
    wanted = Requirement(cpu=Decimal(999))
    assert await placed(Service(), wanted) == (wanted, None)


@virtual_time
async def test_what_no_host_can_serve_is_told_with_the_nearest_size() -> None:
    service = Service()
    await service.host("h1", Capacity(Decimal(2), 8192, frozenset({Architecture.AMD64})))
    await service.host("h2", Capacity(Decimal(4), 4096, frozenset({Architecture.AMD64})))
    fits = Requirement(cpu=Decimal(4), memory_mib=4096)
    assert await placed(service, fits) == (fits, None)
    large = Requirement(cpu=Decimal(4), memory_mib=8192)
    got, why = await placed(service, large)
    assert got == large
    assert why == (
        "no host can serve it: it needs 8192 MiB of memory (there are 4096); "
        "the nearest that fits is mayfly-amd64-4cpu-4gb (--fit takes it)"
    )
    assert await placed(service, large, fit=True) == (fits, None)
    arm = Requirement(Architecture.ARM64)
    _, why = await placed(service, arm, fit=True)
    assert why == "no host can serve it: it needs arm64, this host runs amd64"


@virtual_time
async def test_hosts_that_are_away_count_for_what_can_be_served_and_removed_ones_do_not() -> None:
    service = Service()
    session = await service.host("h1", LARGE)
    await service.hosts.close_session(session)
    wanted = Requirement(cpu=Decimal(8), memory_mib=65536)
    assert await placed(service, wanted) == (wanted, None)
    await service.host("h2", Capacity(Decimal(1), 1024, BOTH))
    await service.serial(lambda tx: tx.update(HostRow, "h1", {}, removed=True))
    _, why = await placed(service, wanted)
    assert why is not None


@virtual_time
async def test_a_project_with_hosts_of_its_own_is_told_what_those_can_serve() -> None:
    service = Service()
    await service.host("h1", LARGE)
    await service.host("h2", Capacity(Decimal(1), 1024, BOTH))
    await service.submit(jobs("x"), hosts=("h2",))
    _, why = await placed(service, Requirement(cpu=Decimal(8)))
    assert why is not None
    await service.put(ProjectRow(id=PROJECT, hosts=("unheard",)))
    _, why = await placed(service, Requirement())
    assert why == f"no host can serve it: {PROJECT} has no host"


@virtual_time
async def test_a_label_of_hosts_chooses_among_them() -> None:
    service = Service()
    plain, labelled = await service.host("h1", LARGE), await service.host("h2", LARGE)
    [row] = [one for one in service.store.view().find(HostRow) if one.id == "h2"]
    await service.put(replace(row, labels=("SSD",)))
    await service.submit(jobs("fast", size="[mayfly-1cpu-1gb, mayfly-host-ssd]"))
    assert await service.fill(plain) == []
    assert len(await service.fill(labelled)) == 1
    _, why = await placed(service, Requirement(host_labels=frozenset({"gpu"})))
    assert why == f"no host can serve it: {PROJECT} has no host with label gpu"


@virtual_time
async def test_a_job_past_its_bound_gets_a_host_kept_for_it() -> None:
    service = Service(bound_s=100.0)
    room = Capacity(Decimal(2), 4096, BOTH)
    session = await service.host("h1", room)
    await service.submit(jobs("small", size="mayfly-1cpu-1gb"))
    small = await service.given(session)
    [run] = await service.submit(jobs("large", size="mayfly-2cpu-4gb"))
    job = await service.job(run, "large")
    await asyncio.sleep(200)
    await service.submit(jobs("younger", size="mayfly-1cpu-1gb"))
    assert await service.serial(service.scheduler.review) == [(job.id, "h1", service.now())]
    await service.put(replace(job, reserved_on="h1", reserved_at=service.now()))
    assert await service.serial(service.scheduler.review) == []
    assert await service.claim(session, room, small) is None
    await service.finish(session, small)
    assert await service.given(session) == Lease(job.id, 1)
    assert (await service.row(Lease(job.id, 1))).reserved_on is None


@virtual_time
async def test_why_a_job_waits_is_a_sentence() -> None:
    service = Service()
    session = await service.host("h1", Capacity(Decimal(1), 1024, BOTH))
    [run] = await service.submit(jobs("a", "b"))
    lease = await service.given(session)
    [job] = [row for key in "ab" if (row := await service.job(run, key)).id != lease.job]
    await service.serial(service.scheduler.catch_up)
    assert service.scheduler.why_waits(job.id).startswith("all hosts that could run it are full")
