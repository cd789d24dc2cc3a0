"""Short ways to say hosts and jobs in tests."""

from mayfly.domain.architecture import Architecture
from mayfly.domain.scheduling import HostRoom, QueuedJob, Scheduler

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64
BOUND_S = 100.0
NO_LABELS = frozenset[str]()


def host(
    name: str,
    cpu: int = 4,
    *,
    gib: int = 16,
    runs: tuple[Architecture, ...] = (AMD64,),
    labels: frozenset[str] = NO_LABELS,
    draining: bool = False,
) -> HostRoom:
    return HostRoom(name, cpu * 1000, gib * 1024, runs, labels, draining)


def job(
    name: str,
    cpu: float = 1,
    *,
    project: str = "p",
    at: float = 0.0,
    arch: Architecture | None = AMD64,
    gib: int = 1,
    labels: frozenset[str] = NO_LABELS,
    priority: int = 0,
    expected_s: float = 60.0,
) -> QueuedJob:
    return QueuedJob(
        id=name,
        project=project,
        architecture=arch,
        millicpu=int(cpu * 1000),
        memory_mib=gib * 1024,
        queued_at=at,
        labels=labels,
        priority=priority,
        expected_s=expected_s,
    )


def chosen(
    scheduler: Scheduler, host_id: str, now: float, free: tuple[int, int] | None = None
) -> str | None:
    """The job that the host would get."""
    choice = scheduler.choose(host_id, now, free)
    return choice.job if choice else None


def fill(scheduler: Scheduler, host_id: str, now: float) -> list[str]:
    """What the host starts until it gets nothing more."""
    started = []
    while choice := scheduler.choose(host_id, now):
        scheduler.start(choice.job, host_id, now)
        started.append(choice.job)
    return started


def keep(scheduler: Scheduler, now: float) -> dict[str, str]:
    """Do what a review says; the hosts kept, by job."""
    review = scheduler.review(now)
    for reservation in review.drop:
        scheduler.drop_reservation(reservation.job)
    for reservation in review.make:
        scheduler.put_reservation(reservation)
    return {reservation.job: reservation.host for reservation in scheduler.reservations()}
