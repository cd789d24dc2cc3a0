"""Which of our places runs which job: GitHub gives a runner to any job with its labels."""

from dataclasses import replace

from mayfly.forges.github import model
from mayfly.forges.github.demand import taken_place
from mayfly.server.durations import expected_of_forge_s
from mayfly.server.github.places import described
from mayfly.store.base import Tx
from mayfly.store.forge_rows import ForgeJobRow, RunnerRow
from mayfly.store.rows import JobRow, RunRow


def bind(tx: Tx, job: ForgeJobRow, seen: model.Job) -> set[str]:
    """Which of our places runs it: it need not be the one that was made for it.

    Gives the kinds of runners that must be balanced now.
    """
    rows: list[RunnerRow] = []
    if job.runner is not None:
        rows += tx.find(RunnerRow, runner=job.runner)
    if job.runner_name is not None:
        rows += tx.find(RunnerRow, name=job.runner_name)
    rows = [row for row in rows if row.installation == job.installation]
    by_id = {row.runner: row.id for row in rows if row.runner is not None}
    by_name = {row.name: row.id for row in rows if row.name is not None}
    found = taken_place(seen, by_id, by_name)
    place = tx.get(RunnerRow, found) if found else None
    if place is None or place.works_on == job.id:
        return set()
    tx.put(replace(place, works_on=job.id))
    if place.made_for != job.id:
        _exchange(tx, place, job)
    return {place.pool}


def _exchange(tx: Tx, place: RunnerRow, job: ForgeJobRow) -> None:
    """The place runs another job than it was made for: so it is that job's, and shows it.

    The place that was made for that one, if there is any, is now the other's; unless that has got
    another since, for such news may come when the place has long ended.
    """
    other = next((row for row in tx.find(RunnerRow, made_for=job.id, live=True)), None)
    left = tx.get(ForgeJobRow, place.made_for)
    theirs = tx.find(RunnerRow, made_for=place.made_for, live=True)
    if other is not None and left is not None and all(row.id == place.id for row in theirs):
        _give(tx, other, left)
    taken = tx.get(RunnerRow, place.id)
    assert taken is not None
    _give(tx, taken, job)


def _give(tx: Tx, place: RunnerRow, job: ForgeJobRow) -> None:
    tx.put(replace(place, made_for=job.id, project=job.project))
    row = tx.get(JobRow, place.id)
    run = tx.get(RunRow, row.run) if row else None
    if row is not None and run is not None:
        planned = replace(row.planned, name=job.name)
        takes_s = expected_of_forge_s(tx, job, row)
        tx.put(replace(row, project=job.project, planned=planned, expected_s=takes_s))
        tx.put(described(replace(run, project=job.project), job))
