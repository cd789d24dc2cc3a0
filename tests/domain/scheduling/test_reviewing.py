"""Hosts that are kept for jobs past their bound."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.scheduling.fleets import ARM64, BOUND_S, chosen, fill, host, job, keep

from mayfly.domain.scheduling import ProjectShare, Quota, Reservation, RunningJob, Scheduler


def busy(scheduler: Scheduler, host_id: str, ends: dict[str, float], cpu: int = 1) -> None:
    """Jobs that run there since 0 and are expected to end then."""
    for name, end in ends.items():
        scheduler.put_running(RunningJob(name, "other", host_id, cpu * 1000, 1024, 0.0, end))


@pytest.fixture
def fleet() -> Scheduler:
    """Two full hosts of 4 vCPU; `soon` is expected to be empty first."""
    scheduler = Scheduler(BOUND_S)
    for name in ("late", "soon"):
        scheduler.put_host(host(name, 4))
    busy(scheduler, "late", {f"late-{n}": 500.0 + n for n in range(4)})
    busy(scheduler, "soon", {f"soon-{n}": 300.0 + n for n in range(4)})
    scheduler.put_job(job("small", 1, at=200, expected_s=1000))
    return scheduler


def test_before_its_bound_no_host_is_kept(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4, at=1))
    assert keep(fleet, BOUND_S) == {}
    assert keep(fleet, BOUND_S + 1) == {"large": "soon"}


def test_the_host_is_the_one_where_it_starts_first(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 2))
    busy(fleet, "late", {"late-0": 210.0, "late-1": 220.0})
    assert keep(fleet, 200) == {"large": "late"}


def test_an_overdue_end_is_not_taken_for_near(fleet: Scheduler) -> None:
    """What has run for 200 s instead of 10 may well run as long again."""
    fleet.put_job(job("large", 4))
    busy(fleet, "soon", dict.fromkeys((f"soon-{n}" for n in range(4)), 10.0))
    busy(fleet, "late", dict.fromkeys((f"late-{n}" for n in range(4)), 300.0))
    assert keep(fleet, 200) == {"large": "late"}


def test_younger_jobs_do_not_take_its_room(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    keep(fleet, 200)
    for number in range(4):
        fleet.end(f"soon-{number}")
        expected = "large" if number == 3 else None
        assert chosen(fleet, "soon", 300 + number) == expected


def test_without_it_they_would(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    fleet.end("soon-0")
    assert chosen(fleet, "soon", 300) == "small"


def test_jobs_that_end_before_may_run_beside(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 3))
    fleet.put_job(job("brief", 1, at=200, expected_s=50))
    keep(fleet, 200)
    fleet.end("soon-0")
    assert chosen(fleet, "soon", 210) == "brief"


def test_jobs_that_need_what_it_leaves_may_run_beside(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 2))
    keep(fleet, 200)
    for number in range(3):
        fleet.end(f"soon-{number}")
    assert fill(fleet, "soon", 300) == ["large", "small"]


def test_it_starts_elsewhere_if_there_is_room_sooner(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    keep(fleet, 200)
    for number in range(4):
        fleet.end(f"late-{number}")
    assert fill(fleet, "late", 250) == ["large"]
    assert fleet.reservations() == ()
    fleet.end("soon-0")
    assert chosen(fleet, "soon", 260) == "small"


def test_no_host_is_kept_where_one_has_room(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    fleet.put_host(host("empty", 4))
    assert keep(fleet, 200) == {}


def test_the_smallest_need_no_host_of_their_own(fleet: Scheduler) -> None:
    assert keep(fleet, 5000) == {}


def test_a_job_larger_than_those_that_run_keeps_a_host_though_none_other_waits(
    fleet: Scheduler,
) -> None:
    """Those that never wait, as they find room when they arrive, starve it too."""
    fleet.remove_job("small")
    fleet.put_job(job("large", 2))
    assert keep(fleet, 200) == {"large": "soon"}


def test_what_no_host_can_run_keeps_none(fleet: Scheduler) -> None:
    fleet.put_job(job("huge", 64))
    fleet.put_job(job("foreign", 2, arch=ARM64))
    assert keep(fleet, 5000) == {}


def test_what_the_quota_does_not_allow_keeps_none(fleet: Scheduler) -> None:
    fleet.put_project(ProjectShare("p", quota=Quota(jobs=0)))
    fleet.put_job(job("large", 4))
    assert keep(fleet, 5000) == {}


def test_a_pool_keeps_few_hosts_at_once_and_gives_them_out_fairly(fleet: Scheduler) -> None:
    for number in range(3):
        fleet.put_job(job(f"large-{number}", 4, project="flood", at=number))
    fleet.put_job(job("other", 4, project="q", at=5))
    assert keep(fleet, 200) == {"large-0": "soon"}
    assert keep(fleet, 201) == {"large-0": "soon"}
    for number in range(4):
        fleet.end(f"soon-{number}")
    assert fill(fleet, "soon", 300) == ["large-0"]
    assert keep(fleet, 301) == {"other": "soon"}


def test_what_serves_no_longer_is_dropped(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    keep(fleet, 200)
    fleet.put_host(host("soon", 4, draining=True))
    assert fleet.review(201).drop == (Reservation("large", "soon", 200),)
    assert keep(fleet, 202) == {}
    assert keep(fleet, 203) == {"large": "late"}


def test_a_cancelled_job_gives_its_host_back(fleet: Scheduler) -> None:
    fleet.put_job(job("large", 4))
    keep(fleet, 200)
    fleet.remove_job("large")
    fleet.end("soon-0")
    assert chosen(fleet, "soon", 300) == "small"


def test_a_reservation_may_be_known_before_its_job_and_host() -> None:
    scheduler = Scheduler(BOUND_S)
    scheduler.put_reservation(Reservation("large", "h", 50.0))
    assert scheduler.review(60).drop == (Reservation("large", "h", 50.0),)
    scheduler.put_job(job("large", 4))
    scheduler.put_job(job("small", 1, expected_s=1000))
    scheduler.put_host(host("h", 4))
    busy(scheduler, "h", {"a": 100.0})
    assert scheduler.review(60).drop == ()
    assert chosen(scheduler, "h", 60) is None


@settings(deadline=None)
@given(
    st.permutations(range(6)),
    st.lists(st.floats(1, 2000), min_size=6, max_size=6),
    st.integers(2, 6),
)
def test_it_starts_when_those_have_ended_that_ran_before(
    order: list[int], guesses: list[float], cpu: int
) -> None:
    """However wrong every guess is, and however many small jobs arrive."""
    scheduler = Scheduler(BOUND_S)
    scheduler.put_host(host("h", 6, gib=64))
    busy(scheduler, "h", {f"r{n}": guess for n, guess in enumerate(guesses)})
    scheduler.put_job(job("large", cpu))
    scheduler.put_job(job("s-first", 1, at=50))
    assert keep(scheduler, 100) == {"large": "h"}
    now = 100.0
    for step, ended in enumerate(order):
        scheduler.end(f"r{ended}")
        now += 1
        for number in range(6):
            scheduler.put_job(job(f"s{step}-{number}", 1, at=now, expected_s=guesses[number]))
        if "large" in fill(scheduler, "h", now):
            return
    raise AssertionError("it still waits, though all have ended that ran before")
