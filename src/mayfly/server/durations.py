"""How long jobs took, kept in the store, and how long one is expected to take because of it.

Asked when a job is queued and written into its row, so that decisions need no question and every
replica decides alike. Used in serial transactions.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence

from mayfly.domain.architecture import Architecture
from mayfly.domain.labels import Requirement
from mayfly.domain.scheduling.durations import (
    DEFAULT_EXPECTED_S,
    Level,
    Seconds,
    Work,
    expect,
    learn,
)
from mayfly.store.base import Tx, View
from mayfly.store.forge_rows import ForgeJobRow, RunnerRow
from mayfly.store.rows import DurationRow, JobRow, RunKind, RunRow
from mayfly.workflow.plan import PlannedJob
from mayfly.workflow.planned import DEFAULT_TIMEOUT_MINUTES

_KEPT_S = 90 * 24 * 3600.0
_FORGOTTEN_AT_ONCE = 1000


def expected_s(view: View, run: RunRow, job: PlannedJob, wanted: Requirement) -> float:
    """Seconds that a job of the run will take, which is about to be queued."""
    works = _works(run.project, run.ref.workflow, job.name, wanted.architecture)
    return _expected_s(view, works, job.timeout_minutes)


def expected_of_forge_s(view: View, forge: ForgeJobRow, row: JobRow) -> float:
    """The same for a job of ours that turned out to run that one of the forge."""
    wanted = row.requirement.architecture if row.requirement else None
    works = _works(forge.project, _workflow(forge), forge.name, row.placed or wanted)
    return _expected_s(view, works, row.planned.timeout_minutes)


def note_success(tx: Tx, run: RunRow, row: JobRow, now: float) -> None:
    """The job has succeeded just now, after it had a host since it was claimed."""
    if row.claimed_at is None or row.placed is None:
        return
    work = _work(tx, run, row, row.placed)
    if work is None:
        return
    known = _known(tx, [work])
    for level, seconds in learn(known, work, now - row.claimed_at).items():
        tx.put(DurationRow(id=_digest(level), project=work.project, seconds=seconds, at=now))


def forget_old(tx: Tx, now: float) -> None:
    """Of jobs that have not run for months: their names are others' now, or nobody's."""
    for row in tx.find(DurationRow, at__lt=now - _KEPT_S, limit=_FORGOTTEN_AT_ONCE):
        tx.delete(DurationRow, row.id)


def _works(project: str, workflow: str, name: str, architecture: Architecture | None) -> list[Work]:
    """One for each architecture that it may run as."""
    architectures = tuple(Architecture) if architecture is None else (architecture,)
    return [Work(project, workflow, name, one) for one in architectures]


def _expected_s(view: View, works: Sequence[Work], timeout_minutes: float) -> float:
    at_most_s = timeout_minutes * 60
    # A bound that somebody chose says something; the usual one does not.
    chosen = timeout_minutes < DEFAULT_TIMEOUT_MINUTES
    guess_s = at_most_s if chosen else DEFAULT_EXPECTED_S
    return expect(_known(view, works), works, guess_s=guess_s, at_most_s=at_most_s)


def _known(view: View, works: Iterable[Work]) -> dict[Level, Seconds]:
    ids = {_digest(level): level for work in works for level in work.levels}
    return {ids[row.id]: row.seconds for row in view.find(DurationRow, id=tuple(ids))}


def _work(view: View, run: RunRow, row: JobRow, placed: Architecture) -> Work | None:
    """Of a forge's job: which one its runner took; None while the forge has not told."""
    if run.kind is not RunKind.GITHUB:
        return Work(row.project, run.ref.workflow, row.planned.name, placed)
    place = view.get(RunnerRow, row.id)
    taken = view.get(ForgeJobRow, place.works_on) if place and place.works_on else None
    return Work(taken.project, _workflow(taken), taken.name, placed) if taken else None


def _workflow(forge: ForgeJobRow) -> str:
    """As it is called in the run that is made for it."""
    return forge.workflow or "GitHub"


def _digest(level: Level) -> str:
    return hashlib.sha256(json.dumps(level).encode()).hexdigest()
