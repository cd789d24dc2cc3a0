"""Why a job waits, in a sentence."""

import pytest
from tests.domain.scheduling.fleets import ARM64, BOUND_S, fill, host, job, keep

from mayfly.domain.scheduling import ProjectShare, QueuedJob, Quota, Scheduler

SSD = frozenset({"ssd"})
LARGEST = "(the largest has 4 vCPU and 16384 MiB)"


@pytest.fixture
def fleet() -> Scheduler:
    scheduler = Scheduler(BOUND_S)
    scheduler.put_host(host("h", 4))
    return scheduler


def waits(scheduler: Scheduler, waiting: QueuedJob, now: float = 10) -> str:
    scheduler.put_job(waiting)
    return scheduler.why_waits(waiting.id, now)


def test_there_is_no_host() -> None:
    assert waits(Scheduler(), job("j")) == "there is no host yet"


@pytest.mark.parametrize(
    ("waiting", "why"),
    [
        (job("j", arch=ARM64), "no host runs arm64"),
        (job("j", labels=SSD), "no host has the label ssd"),
        (
            job("j", 8, gib=2),
            f"no host is as large as it needs: 8 vCPU and 2048 MiB of memory {LARGEST}",
        ),
    ],
)
def test_no_host_can_run_it(fleet: Scheduler, waiting: QueuedJob, why: str) -> None:
    assert waits(fleet, waiting) == why


def test_the_hosts_of_its_project_cannot(fleet: Scheduler) -> None:
    fleet.put_host(host("arm", runs=(ARM64,)))
    fleet.put_project(ProjectShare("p", hosts=frozenset({"arm"})))
    assert waits(fleet, job("j")) == "none of the hosts its project may use runs amd64"
    fleet.remove_host("arm")
    assert fleet.why_waits("j", 10) == "none of the hosts its project may use is there"


def test_all_drain(fleet: Scheduler) -> None:
    fleet.put_host(host("h", 4, draining=True))
    assert waits(fleet, job("j")) == "every host that could run it is draining"


def test_the_quota_is_too_small_or_used_up(fleet: Scheduler) -> None:
    fleet.put_project(ProjectShare("p", quota=Quota(millicpu=2500, jobs=1)))
    assert waits(fleet, job("large", 3)) == (
        "it can never start: its project's quota is 2.5 vCPU, 1 job"
    )
    fleet.put_job(job("first"))
    fill(fleet, "h", 5)
    assert waits(fleet, job("second")) == (
        "its project's quota of 2.5 vCPU, 1 job is used up by what runs"
    )


def test_the_quota_is_left_to_an_older_one(fleet: Scheduler) -> None:
    fleet.put_project(ProjectShare("p", quota=Quota(memory_mib=3072)))
    fleet.put_job(job("runs", gib=1))
    fill(fleet, "h", 0)
    fleet.put_job(job("old", gib=3, at=1))
    assert waits(fleet, job("young", at=2), BOUND_S + 5) == (
        "what is left of its project's quota is kept for job old, which waits longer"
    )


def test_a_host_is_about_to_get_it(fleet: Scheduler) -> None:
    assert waits(fleet, job("j")) == "host h has room for it and gets it when it asks next"


def test_a_host_is_kept_for_it(fleet: Scheduler) -> None:
    for number in range(4):
        fleet.put_job(job(f"r{number}", expected_s=400))
    fill(fleet, "h", 0)
    fleet.put_job(job("large", 4, at=1))
    fleet.put_job(job("small", at=2))
    assert keep(fleet, 101) == {"large": "h"}
    assert fleet.why_waits("large", 101) == (
        "host h is kept for it and is expected to have room in about 5 min"
    )
    assert fleet.why_waits("large", 600) == (
        "host h is kept for it and is expected to have room in about 3 min, "
        "though something there takes longer than usual"
    )
    for number in range(4):
        fleet.end(f"r{number}")
    assert fleet.why_waits("large", 601) == (
        "host h is kept for it, has room and gets it when it asks next"
    )


def test_all_are_full_and_others_come_first(fleet: Scheduler) -> None:
    for number in range(4):
        fleet.put_job(job(f"r{number}", project="busy"))
    fill(fleet, "h", 0)
    fleet.put_job(job("before", project="busy", at=1))
    fleet.put_job(job("other", project="idle", at=2))
    assert waits(fleet, job("j", project="busy", at=3)) == (
        "all hosts that could run it are full; before it: 1 job of its project, "
        "1 project with less of their share in use"
    )
    assert fleet.why_waits("other", 10) == "all hosts that could run it are full"


def test_past_its_bound_it_says_so(fleet: Scheduler) -> None:
    fleet.put_job(job("r", 4))
    fill(fleet, "h", 0)
    assert waits(fleet, job("j", at=1), 7300) == (
        "all hosts that could run it are full; it has waited 2.0 h and comes before its "
        "project's younger jobs"
    )


def test_it_does_not_wait(fleet: Scheduler) -> None:
    fleet.put_job(job("j"))
    fill(fleet, "h", 0)
    assert fleet.why_waits("j", 1) == "it is running"
    fleet.end("j")
    assert fleet.why_waits("j", 1) == "it is not in the queue"
