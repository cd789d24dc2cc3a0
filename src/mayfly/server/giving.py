"""Writes down which host was given which jobs, and says again what was given but never heard of.

Rows of all of them are read together, as each question to the store costs time. Used in serial
transactions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mayfly.domain.job import JobState
from mayfly.domain.placement import vcpus
from mayfly.domain.scheduling.model import Choice
from mayfly.protocol.fleet import Assignment, Given, Lease
from mayfly.server.jobs import Jobs
from mayfly.store.base import Tx, View
from mayfly.store.rows import JobRow, LeaseRow, RunRow, SpecRow


@dataclass(frozen=True, slots=True)
class Pick:
    """A queued job that was chosen for the host of a session."""

    session: str
    choice: Choice


def give(tx: Tx, jobs: Jobs, now: float, picks: Sequence[Pick]) -> list[Given]:
    """Each job with a lease, in the order of the picks, which were made in this transaction."""
    rows = {row.id: row for row in tx.find(JobRow, id=tuple(pick.choice.job for pick in picks))}
    runs = {row.id: row for row in tx.find(RunRow, id=tuple({row.run for row in rows.values()}))}
    given = []
    for pick in picks:
        choice = pick.choice
        row = rows[choice.job]
        placed = replace(row, attempt=row.attempt + 1, placed=choice.architecture)
        moved = jobs.move(
            tx,
            runs[row.run],
            row,
            JobState.ASSIGNED,
            None,
            attempt=placed.attempt,
            host=choice.host,
            placed=placed.placed,
            claimed_at=now,
            reserved_on=None,
        )
        assert moved  # it was queued, and nobody else writes meanwhile
        tx.put(LeaseRow(id=row.id, attempt=placed.attempt, session=pick.session, host=choice.host))
        given.append(placed)
    return _told(tx, given)


def give_again(tx: View, session: str, held: frozenset[Lease], most: int) -> list[Given]:
    """What the session was given and does not hold, since the answer was lost."""
    leases = [Lease(row.id, row.attempt) for row in tx.find(LeaseRow, session=session)]
    lost = tuple(lease.job for lease in leases if lease not in held)[:most]
    return _told(tx, tx.find(JobRow, id=lost)) if lost else []


def _told(view: View, rows: Iterable[JobRow]) -> list[Given]:
    rows = list(rows)
    specs = {row.id: row.spec for row in view.find(SpecRow, id=tuple(row.id for row in rows))}
    return [Given(_assignment(row), specs.get(row.id)) for row in rows]


def _assignment(row: JobRow) -> Assignment:
    wanted, placed = row.requirement, row.placed
    assert wanted is not None  # it was queued
    assert placed is not None
    return Assignment(
        lease=Lease(row.id, row.attempt),
        image=wanted.image,
        architecture=placed,
        vcpus=vcpus(wanted),
        cpu=float(wanted.cpu),
        memory_mib=wanted.memory_mib,
        timeout_minutes=row.planned.timeout_minutes,
    )
