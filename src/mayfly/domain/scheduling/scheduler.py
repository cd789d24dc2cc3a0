"""The scheduler as its callers see it; the package's text is the contract of these calls."""

from mayfly.domain.scheduling import choosing, explaining, reviewing
from mayfly.domain.scheduling.model import (
    DEFAULT_BOUND_S,
    Choice,
    HostRoom,
    ProjectShare,
    QueuedJob,
    Reservation,
    Review,
    RunningJob,
)
from mayfly.domain.scheduling.quotas import allows
from mayfly.domain.scheduling.shapes import Shape
from mayfly.domain.scheduling.state import State

_RESERVATIONS_AT_ONCE = 8


class Scheduler:
    """Mirrors a fleet and its queue; `bound_s` is how long a job waits before it goes first."""

    def __init__(self, bound_s: float = DEFAULT_BOUND_S):
        self._state = State(bound_s)

    def put_project(self, share: ProjectShare) -> None:
        self._state.put_project(share)

    def remove_project(self, project_id: str) -> None:
        """What it still runs and waits for counts as that of an unknown project."""
        self._state.remove_project(project_id)

    def put_host(self, host: HostRoom) -> None:
        self._state.put_host(host)

    def remove_host(self, host_id: str) -> None:
        self._state.remove_host(host_id)

    def put_job(self, job: QueuedJob) -> None:
        self._state.put_job(job)

    def remove_job(self, job_id: str) -> None:
        self._state.remove_job(job_id)

    def put_running(self, job: RunningJob) -> None:
        self._state.put_running(job)

    def start(self, job_id: str, host_id: str, now: float) -> RunningJob:
        """KeyError if the job is not queued."""
        return self._state.start(job_id, host_id, now)

    def end(self, job_id: str) -> None:
        self._state.end(job_id)

    def put_reservation(self, reservation: Reservation) -> None:
        self._state.put_reservation(reservation)

    def drop_reservation(self, job_id: str) -> None:
        self._state.drop_reservation(job_id)

    def choose(
        self, host_id: str, now: float, free: tuple[int, int] | None = None
    ) -> Choice | None:
        """`free` are the millicpu and MiB that the host itself says it has left, at most."""
        return choosing.choose(self._state, host_id, now, free)

    def review(self, now: float, limit: int = _RESERVATIONS_AT_ONCE) -> Review:
        """At most `limit` reservations to make, and all that are void."""
        return reviewing.review(self._state, now, limit)

    def reservations(self) -> tuple[Reservation, ...]:
        return tuple(kept for _, kept in sorted(self._state.reservations.items()))

    def host_for(self, job_id: str) -> str | None:
        """A host that has room for the job, if its quota allows it; None for an unknown job."""
        state = self._state
        job = state.jobs.get(job_id)
        if job is None:
            return None
        project = state.projects[job.project]
        if not allows(project, job, None):
            return None
        return state.fleet.with_room(state.shapes.bit(Shape.of(job)), project.share.hosts)

    def hosts_for(self, project_id: str) -> tuple[str, ...]:
        """Hosts that have room for a waiting job of the project, at most one for each shape."""
        project = self._state.waiting.get(project_id)
        if project is None:
            return ()
        found = {self.host_for(queue.first().id) for queue in project.queues.values()}
        return tuple(sorted(host for host in found if host is not None))

    def why_waits(self, job_id: str, now: float) -> str:
        return explaining.why_waits(self._state, job_id, now)
