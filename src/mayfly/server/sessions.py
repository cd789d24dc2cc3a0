"""Ends sessions: what a lost host ran is queued again or lost, as its project chose."""

from dataclasses import replace

from mayfly.domain.job import JobState
from mayfly.server.orchestrator import Orchestrator
from mayfly.store.base import FLEET, Tx, session_topic
from mayfly.store.rows import HostRow, JobRow, LeaseRow, ProjectRow, RunKind, RunRow, SessionRow


def end_session(tx: Tx, orchestrator: Orchestrator, session: str, why: str) -> bool:
    """Give away what a session holds; False if it is over already. In a serial transaction."""
    if not tx.update(SessionRow, session, {"ended": False}, ended=True):
        return False
    _give_away(tx, orchestrator, session, why)
    return True


def end_overdue(tx: Tx, orchestrator: Orchestrator, now: float) -> list[str]:
    """End sessions that nobody renewed; says which. A renewal that comes just then wins."""
    ended = []
    for row in tx.find(SessionRow, ended=False, until__lt=now):
        if tx.update(SessionRow, row.id, {"ended": False, "until": row.until}, ended=True):
            _give_away(tx, orchestrator, row.id, "it did not answer any more")
            ended.append(row.id)
    return ended


def give_back(
    tx: Tx, orchestrator: Orchestrator, run: RunRow, row: JobRow, reason: str | None
) -> None:
    """A host did not begin a job after all: others may have it, as often as it happens."""
    if row.cancel_reason is not None:
        orchestrator.end_job(tx, row.id, JobState.CANCELLED, row.cancel_reason)
    else:
        orchestrator.jobs.requeue(tx, run, row, reason, lost=False)


def _give_away(tx: Tx, orchestrator: Orchestrator, session: str, why: str) -> None:
    for lease in tx.find(LeaseRow, session=session):
        row = tx.get(JobRow, lease.id)
        run = tx.get(RunRow, row.run) if row else None
        assert row is not None  # a lease has a job
        assert run is not None
        _lose(tx, orchestrator, run, row, f"host {lease.host} was lost: {why}")
    tx.announce(session_topic(session))
    tx.announce(FLEET)
    _note_absence(tx, session)


def _note_absence(tx: Tx, session: str) -> None:
    """A host is online while any agent of it has a session."""
    ended = tx.get(SessionRow, session)
    host = tx.get(HostRow, ended.host) if ended else None
    if host is not None and not tx.count(SessionRow, host=host.id, ended=False):
        tx.put(replace(host, online=False))


def _lose(tx: Tx, orchestrator: Orchestrator, run: RunRow, row: JobRow, reason: str) -> None:
    project = tx.get(ProjectRow, row.project)
    allowed = project.losses_allowed if project else 0
    if row.cancel_reason is not None:
        orchestrator.end_job(tx, row.id, JobState.CANCELLED, row.cancel_reason)
    elif run.kind is RunKind.NATIVE and row.losses < allowed:
        orchestrator.jobs.requeue(tx, run, row, f"{reason}; it runs again", lost=True)
    else:
        orchestrator.end_job(tx, row.id, JobState.LOST, reason)
