"""What a job should ask for instead, by what its last runs took: `domain.rightsize` on rows."""

from mayfly.domain.job import JobState
from mayfly.domain.rightsize import Suggestion, Taken, right_size
from mayfly.store.base import View
from mayfly.store.rows import JobRow, MeteringRow

_LOOKED_AT = 50
_MILLI = 1000
# What its host ended says nothing of the job.
_TELLING = (JobState.SUCCEEDED, JobState.FAILED, JobState.TIMED_OUT)


def suggested(view: View, job: JobRow) -> Suggestion | None:
    """For a job by its name, on the architecture and in the size that it has now."""
    wanted, architecture = job.requirement, job.placed
    if wanted is None or architecture is None:
        return None
    rows = view.find(
        MeteringRow,
        order="-finished",
        limit=_LOOKED_AT,
        project=job.project,
        name=job.planned.name,
        architecture=architecture,
        millicpu=int(wanted.cpu * _MILLI),
        memory_mib=wanted.memory_mib,
        state=_TELLING,
    )
    return right_size(wanted, [_taken(row) for row in reversed(rows)])


def _taken(row: MeteringRow) -> Taken:
    more = row.usage.get("more", {})
    return Taken(
        seconds=row.ran_s,
        cpu_seconds=row.usage["cpu_seconds"],
        peak_memory=row.usage["peak_memory"],
        cpu_wait_seconds=more.get("cpu_wait_seconds"),
    )
