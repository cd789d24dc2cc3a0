"""The store of a run on a laptop: memory, gone with the process."""

from mayfly.domain.job import JobState
from mayfly.store.base import JobRow


class MemoryStore:
    """See `store.base.JobStore`."""

    def __init__(self) -> None:
        self._rows: dict[str, JobRow] = {}

    def add(self, row: JobRow) -> None:
        if row.id in self._rows:
            raise ValueError(f"job {row.id} is already there")
        self._rows[row.id] = row

    def remove(self, job: str) -> None:
        if self._rows[job].state is not JobState.BLOCKED:
            raise ValueError(f"job {job} is not blocked")
        del self._rows[job]

    def get(self, job: str) -> JobRow | None:
        return self._rows.get(job)

    def of_run(self, run: str) -> list[JobRow]:
        return [row for row in self._rows.values() if row.run == run]

    def queued(self) -> list[JobRow]:
        return [row for row in self._rows.values() if row.state is JobState.QUEUED]

    def claim(self, job: str) -> int | None:
        row = self._rows[job]
        if row.state is not JobState.QUEUED:
            return None
        row.state = JobState.ASSIGNED
        row.reason = None
        row.attempt += 1
        return row.attempt

    def move(
        self, job: str, state: JobState, *, attempt: int | None = None, reason: str | None = None
    ) -> bool:
        row = self._rows[job]
        if attempt is not None and attempt != row.attempt:
            return False
        forward = row.state.may_become(state)
        if not forward and (state is not row.state or reason == row.reason or state.is_final):
            return False
        row.state, row.reason = state, reason
        return True
