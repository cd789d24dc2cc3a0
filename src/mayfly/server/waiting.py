"""Asks the scheduler why jobs wait."""

from collections.abc import Callable, Iterable

from mayfly.domain.job import JobState
from mayfly.server.services import Services
from mayfly.store.base import Tx
from mayfly.store.rows import JobRow

WhyWaits = Callable[[str], str]
"""A sentence for the id of a queued job."""


async def why_they_wait(services: Services, rows: Iterable[JobRow]) -> WhyWaits:
    """Of those among the rows that are queued, as things stand now.

    In a serial transaction, as the scheduler's view of the fleet belongs to these; in none if
    nothing waits.
    """
    queued = [row.id for row in rows if row.state is JobState.QUEUED]
    scheduler = services.scheduler

    def ask(tx: Tx) -> dict[str, str]:
        scheduler.catch_up(tx)
        return {job: scheduler.why_waits(job) for job in queued}

    reasons = await services.store.serial(ask) if queued else {}
    return lambda job: reasons.get(job, "")
