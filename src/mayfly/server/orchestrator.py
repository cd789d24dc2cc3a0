"""Moves runs forward: the only code that decides what is ready, see `rounds`.

All of it happens in serial transactions, which the caller opens.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from mayfly.domain.events import RunStarted as RunBegan
from mayfly.domain.job import JobState
from mayfly.server.jobs import Jobs
from mayfly.server.rounds import Means, Places, Plans, Round
from mayfly.store.base import FLEET, Tx
from mayfly.store.rows import JobRow, RunRow


class Orchestrator:
    """`now` gives seconds since 1970."""

    def __init__(self, plans: Plans, places: Places, now: Callable[[], float]):
        self.jobs = Jobs(now)
        self._now = now
        self._means = Means(self.jobs, plans, places, now)

    def submit(self, tx: Tx, run: RunRow, jobs: Iterable[JobRow] = ()) -> None:
        """Begin a new run, with `jobs` it has already, and queue what is ready."""
        self.begin(tx, run, jobs)
        self.advance(tx, run.id)

    def begin(self, tx: Tx, run: RunRow, jobs: Iterable[JobRow] = ()) -> None:
        """The same, but for what is ready: the caller advances it, perhaps with others."""
        tx.put(run)
        tx.emit(run.id, None, [RunBegan(self._now(), run.ref, run.name)])
        for job in jobs:
            self.jobs.add(tx, run, job)

    def advance(self, tx: Tx, *runs: str) -> None:
        """Bring runs to where the state of their jobs allows them to be, and those they free."""
        due = dict.fromkeys(runs)
        while due:
            jobs: dict[str, list[str]] = {run: [] for run in due}
            for row in tx.find(JobRow, run=tuple(due)):
                jobs[row.run].append(row.id)
            due = dict.fromkeys(other for run in due for other in self._bring(tx, run, jobs[run]))
        tx.announce(FLEET)

    def _bring(self, tx: Tx, run: str, jobs: list[str]) -> list[str]:
        """The other runs that must be looked at because of it."""
        row = tx.get(RunRow, run)
        assert row is not None  # rows of jobs and groups name it
        return Round(self._means, tx, row, jobs).carry_out() if row.conclusion is None else []

    def end_job(
        self, tx: Tx, job: str, state: JobState, reason: str | None, **changes: Any
    ) -> bool:
        """A job that was given out has ended; says whether that was news."""
        due = self.note_end(tx, job, state, reason, **changes)
        self.advance(tx, *due)
        return bool(due)

    def note_end(
        self, tx: Tx, job: str, state: JobState, reason: str | None, **changes: Any
    ) -> tuple[str, ...]:
        """The same, but for what follows from it: gives the runs to `advance`, perhaps with others,
        before the transaction ends; none if it was no news.
        """
        row = tx.get(JobRow, job)
        run = tx.get(RunRow, row.run) if row else None
        if row is None or run is None:
            return ()
        return (run.id,) if self.jobs.move(tx, run, row, state, reason, **changes) else ()

    def cancel_run(self, tx: Tx, run: str, reason: str, *, close: bool = False) -> bool:
        """End its jobs; those under `always()` still run unless it is closed. False once over."""
        row = tx.get(RunRow, run)
        if row is None or row.conclusion is not None:
            return False
        tx.put(replace(row, cancelled=row.cancelled or reason, closed=row.closed or close))
        self.advance(tx, run)
        return True

    def cancel_job(self, tx: Tx, job: str, reason: str) -> bool:
        """False once it is over."""
        row = tx.get(JobRow, job)
        run = tx.get(RunRow, row.run) if row else None
        if row is None or run is None or row.state.is_final:
            return False
        self.jobs.cancel(tx, run, row, reason)
        self.advance(tx, run.id)
        return True
