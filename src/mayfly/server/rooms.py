"""What running jobs take of each host."""

from mayfly.domain.scheduling.model import RunningJob


class Rooms:
    """Sums kept up to date; absolute, so that taking or freeing twice is harmless."""

    def __init__(self) -> None:
        self._jobs: dict[str, RunningJob] = {}
        self._of_host: dict[str, dict[str, RunningJob]] = {}

    def take(self, job: RunningJob) -> None:
        self.free(job.id)
        self._jobs[job.id] = job
        self._of_host.setdefault(job.host, {})[job.id] = job

    def free(self, job: str) -> None:
        known = self._jobs.pop(job, None)
        if known is not None:
            del self._of_host[known.host][job]

    def used(self, host: str) -> tuple[int, int]:
        """Millicpu, MiB."""
        jobs = self._of_host.get(host, {}).values()
        return sum(job.millicpu for job in jobs), sum(job.memory_mib for job in jobs)
