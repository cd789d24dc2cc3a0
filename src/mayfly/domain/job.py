"""A job's life: its states, which may follow which, and what a final one counts as."""

import enum


class Conclusion(enum.StrEnum):
    """How a step, a job or a run ended, in the words workflows use."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class JobState(enum.StrEnum):
    """`failed` and `timed_out` are the job's fault, `cancelled` a person's wish, `lost` ours.

    `skipped` never had to run; `rejected` never could: nothing can serve it.
    """

    BLOCKED = "blocked"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    LOST = "lost"
    SKIPPED = "skipped"
    REJECTED = "rejected"

    @property
    def rank(self) -> int:
        """Grows along a job's life; all final states share the highest."""
        return _RANKS.get(self, _FINAL_RANK)

    @property
    def is_final(self) -> bool:
        return self.rank == _FINAL_RANK

    @property
    def conclusion(self) -> Conclusion | None:
        """What jobs that need this one see as its result; None until the state is final."""
        return _CONCLUSIONS.get(self)

    def may_become(self, following: "JobState") -> bool:
        """Forward only: late and repeated reports, and any after the end, change nothing."""
        return following.rank > self.rank


_RANKS = {
    JobState.BLOCKED: 0,
    JobState.QUEUED: 1,
    JobState.ASSIGNED: 2,
    JobState.STARTING: 3,
    JobState.RUNNING: 4,
}
_FINAL_RANK = 5

_CONCLUSIONS = {
    JobState.SUCCEEDED: Conclusion.SUCCESS,
    JobState.FAILED: Conclusion.FAILURE,
    JobState.CANCELLED: Conclusion.CANCELLED,
    JobState.TIMED_OUT: Conclusion.FAILURE,
    JobState.LOST: Conclusion.FAILURE,
    JobState.SKIPPED: Conclusion.SKIPPED,
    JobState.REJECTED: Conclusion.FAILURE,
}
