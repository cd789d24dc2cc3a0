"""The decision, held against the rules written down a second time."""

from collections.abc import Callable

from hypothesis import given, settings
from tests.domain.scheduling.reference import fits, size_of, total
from tests.domain.scheduling.world import BOUND_S, HOSTS, Event, World, histories, worlds

from mayfly.domain.scheduling import HostRoom, QueuedJob, Reservation


def _dense(test: Callable[[World, list[Event]], None]) -> Callable[[], None]:
    return settings(deadline=None, max_examples=60)(given(worlds(), histories)(test))


@_dense
def test_it_chooses_what_the_rules_say(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
        for host in HOSTS:
            world.choose(host)


@_dense
def test_it_does_not_matter_how_the_state_came_about(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
    anew = world.reference.scheduler()

    assert [anew.choose(host, world.now) for host in HOSTS] == [
        world.scheduler.choose(host, world.now) for host in HOSTS
    ]
    assert anew.review(world.now) == world.scheduler.review(world.now)
    for job in world.reference.jobs:
        assert anew.host_for(job) == world.scheduler.host_for(job)
        assert anew.why_waits(job, world.now) == world.scheduler.why_waits(job, world.now)


@_dense
def test_neither_capacity_nor_quota_is_exceeded(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
        for name in HOSTS:
            started = world.fill(name)
            reference = world.reference
            if started:
                host = reference.hosts[name]
                assert fits(total(reference.on(name)), size_of(host))
            for choice in started:
                assert_within_quota(world, reference.running[choice.job].project)


def assert_within_quota(world: World, project: str) -> None:
    running = world.reference.of(project)
    quota = world.reference.share(project).quota
    used = (*total(running), len(running))
    limits = (quota.millicpu, quota.memory_mib, quota.jobs)
    for amount, limit in zip(used, limits, strict=True):
        assert limit is None or amount <= limit


@_dense
def test_no_job_waits_for_room_that_is_free(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
    world.settle()
    reference = world.reference
    for job in reference.jobs.values():
        for host in reference.hosts.values():
            if reference.may_run(job, host) and fits(size_of(job), reference.free(host)):
                held = reference.held(job.project, world.now)
                kept = reference.kept_on(host)
                assert (
                    not reference.quota_admits(job, world.now)
                    or (held is not None and held.id != job.id)
                    or (kept is not None and kept[1].id != job.id)
                )


@_dense
def test_a_host_that_is_named_for_a_job_has_room_for_it(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
    reference = world.reference
    for job in reference.jobs.values():
        named = world.scheduler.host_for(job.id)
        able = [host for host in reference.hosts.values() if has_room(world, job, host)]
        if named is not None:
            assert named in {host.id for host in able}
        elif not quota_blocks(world, job):
            assert all(reference.kept_on(host) for host in able)


def has_room(world: World, job: QueuedJob, host: HostRoom) -> bool:
    reference = world.reference
    return (
        reference.may_run(job, host)
        and reference.fits_beside(job, host)
        and reference.spares_what_is_kept(job, host)
    )


def quota_blocks(world: World, job: QueuedJob) -> bool:
    return not world.reference.within_quota([job])


@_dense
def test_a_host_may_say_that_it_has_less(world: World, history: list[Event]) -> None:
    for event in history:
        event(world)
    for host in HOSTS:
        for free in [(0, 0), (1000, 8192), (8000, 1024)]:
            choice = world.scheduler.choose(host, world.now, free)
            assert choice is None or fits(size_of(world.reference.jobs[choice.job]), free)
        assert world.scheduler.choose(host, world.now, (10**6, 10**6)) == world.choose(host)


@_dense
def test_past_its_bound_a_job_has_room_or_a_host_is_kept(
    world: World, history: list[Event]
) -> None:
    """For it, or for another one that is before it, as a pool keeps few at once."""
    for event in history:
        event(world)
    world.now += BOUND_S
    world.settle()
    for _ in range(len(world.reference.jobs) + 2):
        world.review()
    reference = world.reference
    kept_in = {reference.hosts[kept.host].architectures[0] for kept in kept_for_some(world)}
    for job in reference.jobs.values():
        able = [host for host in reference.hosts.values() if reference.may_run(job, host)]
        if any(has_room(world, job, host) for host in able) or is_smallest(world, job):
            continue
        if able and reference.within_quota([job, *reserved_jobs(world, job)]):
            assert kept_in & {host.architectures[0] for host in able}


def kept_for_some(world: World) -> list[Reservation]:
    return list(world.reference.reservations.values())


def reserved_jobs(world: World, job: QueuedJob) -> list[QueuedJob]:
    """The others of its project for which hosts are kept."""
    others = [world.reference.jobs[kept.job] for kept in kept_for_some(world)]
    return [other for other in others if other.project == job.project and other.id != job.id]


def is_smallest(world: World, job: QueuedJob) -> bool:
    reference = world.reference
    sizes = [size_of(one) for one in reference.jobs.values()]
    sizes += [size_of(one) for one in reference.running.values()]
    smallest = min(size[0] for size in sizes), min(size[1] for size in sizes)
    return fits(size_of(job), smallest)
