"""What another attempt of a run keeps of the one before."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion, JobState
from mayfly.server.jobs import job_id
from mayfly.store.base import Tx
from mayfly.store.rows import JobRow, RunRow

_UNSUCCESSFUL = {Conclusion.FAILURE, Conclusion.CANCELLED}


def latest_attempt(tx: Tx, run: RunRow) -> int:
    same = {"project": run.project, "serial": run.serial}
    [latest] = tx.find(RunRow, order="-attempt", limit=1, **same)
    return latest.attempt


def kept(tx: Tx, run: RunRow, following: RunRow) -> Iterable[JobRow]:
    """Jobs that succeeded and need none that did not, as those of the following attempt."""
    rows = tx.find(JobRow, order="created", run=run.id)
    again = _to_run_again(rows)
    if not again:
        raise InvalidInput(f"nothing of run {run.id} failed", remedy="run all of it again")
    for row in rows:
        if row.state is JobState.SUCCEEDED and row.planned.key not in again:
            key = job_id(following.id, row.planned.key)
            yield replace(row, id=key, run=following.id)


def _to_run_again(rows: Sequence[JobRow]) -> set[str]:
    """Keys of the jobs that did not succeed, and of all that need such."""
    again = {row.planned.key for row in rows if row.state.conclusion in _UNSUCCESSFUL}
    while (
        more := {row.planned.key for row in rows if not again.isdisjoint(row.planned.needs)} - again
    ):
        again |= more
    return again
