"""Which job a host gets, rule by rule."""

import pytest
from tests.domain.scheduling.fleets import AMD64, ARM64, BOUND_S, chosen, fill, host, job

from mayfly.domain.scheduling import HostRoom, ProjectShare, QueuedJob, Quota, Scheduler

SSD = frozenset({"ssd"})


def made(*things: HostRoom | QueuedJob | ProjectShare) -> Scheduler:
    scheduler = Scheduler(BOUND_S)
    for thing in things:
        if isinstance(thing, HostRoom):
            scheduler.put_host(thing)
        elif isinstance(thing, QueuedJob):
            scheduler.put_job(thing)
        else:
            scheduler.put_project(thing)
    return scheduler


def test_an_unknown_host_gets_nothing() -> None:
    assert made(job("j")).choose("h", 0.0) is None


def test_the_oldest_comes_first_and_no_more_than_fits() -> None:
    scheduler = made(host("h", 4), job("c", 2, at=3), job("a", 2, at=1), job("b", 2, at=2))
    assert fill(scheduler, "h", 10) == ["a", "b"]


def test_memory_is_reserved_too() -> None:
    scheduler = made(host("h", 64, gib=8), job("a", gib=6), job("b", gib=3), job("c", gib=2))
    assert fill(scheduler, "h", 10) == ["a", "c"]


def test_fractions_of_a_vcpu_add_up() -> None:
    scheduler = made(host("h", 1), *(job(f"j{number}", 0.25) for number in range(5)))
    assert len(fill(scheduler, "h", 10)) == 4


def test_what_ends_makes_room() -> None:
    scheduler = made(host("h", 1), job("a"), job("b"))
    assert fill(scheduler, "h", 10) == ["a"]
    scheduler.end("a")
    assert fill(scheduler, "h", 20) == ["b"]


def test_a_draining_host_gets_nothing() -> None:
    scheduler = made(host("h", draining=True), job("j"))
    assert scheduler.choose("h", 10) is None
    scheduler.put_host(host("h"))
    assert scheduler.choose("h", 10) is not None


def test_labels_must_all_be_there() -> None:
    scheduler = made(host("plain"), host("fast", labels=SSD), job("j", labels=SSD))
    assert scheduler.choose("plain", 10) is None
    assert fill(scheduler, "fast", 10) == ["j"]


@pytest.mark.parametrize("own", [AMD64, ARM64])
def test_any_architecture_is_the_hosts_own(own: str) -> None:
    runs = (AMD64, ARM64) if own == AMD64 else (ARM64, AMD64)
    choice = made(host("h", runs=runs), job("j", arch=None)).choose("h", 10)
    assert choice is not None
    assert choice.architecture == own


def test_emulation_is_for_what_no_host_runs_natively() -> None:
    scheduler = made(host("emulates", runs=(AMD64, ARM64)), job("j", arch=ARM64))
    scheduler.put_host(host("native", runs=(ARM64,)))
    assert scheduler.choose("emulates", 10) is None
    scheduler.put_host(host("native", runs=(ARM64,), draining=True))
    choice = scheduler.choose("emulates", 10)
    assert choice is not None
    assert choice.architecture is ARM64


def test_priority_orders_the_jobs_of_one_project_only() -> None:
    scheduler = made(
        host("h", 1),
        job("loud", project="a", at=5, priority=9),
        job("quiet", project="a", at=1),
        job("other", project="b", at=2),
    )
    order = []
    for now in (10.0, 11.0, 12.0):
        order += fill(scheduler, "h", now)
        scheduler.end(order[-1])
    assert order == ["other", "loud", "quiet"]


def test_the_project_with_less_comes_first() -> None:
    scheduler = made(host("h", 3), *(job(f"flood-{n}", project="a", at=n) for n in range(50)))
    assert fill(scheduler, "h", 50)[:1] == ["flood-0"]
    scheduler.put_job(job("late", project="b", at=60))
    scheduler.end("flood-1")
    assert fill(scheduler, "h", 61) == ["late"]


def test_a_heavier_project_gets_as_much_more() -> None:
    scheduler = made(host("h", 6), ProjectShare("a", weight=2))
    for number in range(10):
        scheduler.put_job(job(f"a{number}", project="a"))
        scheduler.put_job(job(f"b{number}", project="b"))
    assert sorted(name[0] for name in fill(scheduler, "h", 10)) == ["a"] * 4 + ["b"] * 2


def test_what_counts_is_the_dominant_resource() -> None:
    """a needs much memory, b many vCPU: both get the same part of what they need most."""
    scheduler = made(host("h", 18, gib=72))
    for number in range(20):
        scheduler.put_job(job(f"a{number}", 1, gib=8, project="a"))
        scheduler.put_job(job(f"b{number}", 3, gib=2, project="b"))
    started = [name[0] for name in fill(scheduler, "h", 10)]
    assert (started.count("a"), started.count("b")) == (6, 4)


def test_each_architecture_is_shared_by_itself() -> None:
    """What a project has on amd64 does not set it back on arm64."""
    scheduler = made(host("amd", 8), host("arm", 2, runs=(ARM64,)))
    for number in range(8):
        scheduler.put_job(job(f"a-amd-{number}", project="a"))
    fill(scheduler, "amd", 1)
    scheduler.put_job(job("b-arm-1", project="b", arch=ARM64, at=2))
    fill(scheduler, "arm", 3)
    scheduler.put_job(job("b-arm-2", project="b", arch=ARM64, at=4))
    scheduler.put_job(job("a-arm", project="a", arch=ARM64, at=5))
    assert fill(scheduler, "arm", 6) == ["a-arm"]


@pytest.mark.parametrize(
    ("quota", "count"),
    [
        (Quota(jobs=2), 2),
        (Quota(millicpu=3500), 3),
        (Quota(memory_mib=1024), 1),
        (Quota(jobs=0), 0),
    ],
)
def test_a_quota_is_never_exceeded(quota: Quota, count: int) -> None:
    scheduler = made(host("h", 8), ProjectShare("p", quota=quota))
    for number in range(8):
        scheduler.put_job(job(f"j{number}"))
    assert len(fill(scheduler, "h", 1000)) == count


def test_a_project_may_have_hosts_of_its_own() -> None:
    scheduler = made(
        host("h1"), host("h2"), ProjectShare("p", hosts=frozenset({"h2"})), job("mine")
    )
    assert scheduler.choose("h1", 10) is None
    assert fill(scheduler, "h2", 10) == ["mine"]


def test_past_its_bound_a_job_comes_before_priority() -> None:
    scheduler = made(host("h", 1), job("old", at=0), job("loud", at=BOUND_S, priority=9))
    assert chosen(scheduler, "h", BOUND_S - 1) == "loud"
    assert fill(scheduler, "h", BOUND_S) == ["old"]


def test_past_its_bound_a_job_comes_before_younger_ones_of_projects_with_less() -> None:
    scheduler = made(host("h", 4))
    for name in ("a", "b", "c"):
        scheduler.put_job(job(f"{name}-runs", project=name))
    assert len(fill(scheduler, "h", 0)) == 3
    scheduler.put_job(job("a-old", project="a", at=0))
    scheduler.put_job(job("b-waits", project="b", at=50))
    scheduler.put_job(job("new", project="d", at=60))
    assert chosen(scheduler, "h", 99) == "new"
    scheduler.put_job(job("new-2", project="c", at=60))
    scheduler.remove_job("new")
    assert fill(scheduler, "h", 100) == ["a-old"]


def test_a_flood_past_its_bound_does_not_come_before_a_project_with_less() -> None:
    scheduler = made(host("h", 4), *(job(f"flood-{n}", project="a", at=n) for n in range(50)))
    fill(scheduler, "h", 50)
    scheduler.put_job(job("late", project="b", at=500))
    scheduler.end("flood-0")
    assert fill(scheduler, "h", 1000) == ["late"]


def test_small_jobs_leave_the_quota_to_a_large_one_past_its_bound() -> None:
    scheduler = made(host("h", 8), ProjectShare("p", quota=Quota(millicpu=4000)))
    for number in range(3):
        scheduler.put_job(job(f"small-{number}", at=number))
    fill(scheduler, "h", 5)
    scheduler.put_job(job("large", 4, at=6))
    scheduler.put_job(job("small-3", at=7))
    assert chosen(scheduler, "h", 50) == "small-3"
    assert scheduler.choose("h", 106) is None
    for number in range(3):
        scheduler.end(f"small-{number}")
    assert fill(scheduler, "h", 107) == ["large"]


def test_the_hosts_own_word_bounds_one_choice() -> None:
    scheduler = made(host("h", 4), job("large", 4), job("small", 1, at=1))
    assert chosen(scheduler, "h", 10, (2000, 4096)) == "small"
    assert chosen(scheduler, "h", 10) == "large"


def test_telling_twice_changes_nothing() -> None:
    things = (host("h", 2), job("a"), job("b"), ProjectShare("p", weight=3))
    scheduler = made(*things, *things)
    assert fill(scheduler, "h", 10) == ["a", "b"]
    scheduler.end("a")
    scheduler.end("a")
    scheduler.put_job(job("c"))
    assert fill(scheduler, "h", 11) == ["c"]


def test_a_job_that_ran_can_be_queued_again() -> None:
    scheduler = made(host("h", 1), job("a"))
    fill(scheduler, "h", 10)
    scheduler.put_job(job("a"))
    assert fill(scheduler, "h", 20) == ["a"]


def test_starting_a_job_that_is_not_queued_is_a_defect() -> None:
    with pytest.raises(KeyError):
        made(host("h")).start("gone", "h", 0.0)


def test_what_runs_on_a_lost_host_counts_until_it_ends() -> None:
    scheduler = made(host("h1", 1), ProjectShare("p", quota=Quota(jobs=1)), job("a"))
    fill(scheduler, "h1", 10)
    scheduler.remove_host("h1")
    scheduler.put_host(host("h2"))
    scheduler.put_job(job("b"))
    assert fill(scheduler, "h2", 20) == []
    scheduler.end("a")
    assert fill(scheduler, "h2", 30) == ["b"]


def test_a_host_is_named_for_a_job_that_it_fills_best() -> None:
    scheduler = made(host("wide", 8), host("tight", 2), job("j", 2), job("k", 4))
    assert scheduler.host_for("j") == "tight"
    assert scheduler.hosts_for("p") == ("tight", "wide")
    assert scheduler.host_for("unknown") is None
