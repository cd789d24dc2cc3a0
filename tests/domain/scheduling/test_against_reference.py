"""The decision, held against the rules written down a second time."""

from collections.abc import Callable

from hypothesis import given, settings
from tests.domain.scheduling.reference import fits, size_of, total
from tests.domain.scheduling.world import HOSTS, Event, World, histories, worlds

from mayfly.domain.scheduling import HostRoom, QueuedJob


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
