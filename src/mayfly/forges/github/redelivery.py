"""Which webhooks to ask for again: those that GitHub has sent and that never arrived. Pure."""

from collections import Counter
from collections.abc import Iterable, Set

from mayfly.forges.github.client import Attempt

GRACE = 60.0  # seconds that a delivery may still be on its way
MAX_ATTEMPTS = 5
HORIZON = 3 * 24 * 3600.0  # seconds; older ones GitHub keeps no longer


def to_redeliver(
    attempts: Iterable[Attempt], arrived: Set[str], wanted: Set[str], now: float
) -> tuple[int, ...]:
    """The ids to pass to `GitHubApp.redeliver`, the oldest first.

    `arrived` are the delivery ids that have been stored: a delivery that GitHub takes for done,
    but that is not there, was lost behind a proxy. `wanted` are the events that are listened to.
    """
    newest: dict[str, Attempt] = {}
    tries: Counter[str] = Counter()
    for attempt in attempts:
        if attempt.guid in arrived or attempt.event not in wanted:
            continue
        tries[attempt.guid] += 1
        known = newest.get(attempt.guid)
        if known is None or (known.delivered_at, known.id) < (attempt.delivered_at, attempt.id):
            newest[attempt.guid] = attempt
    lost = [
        attempt
        for guid, attempt in newest.items()
        if GRACE <= now - attempt.delivered_at <= HORIZON and tries[guid] < MAX_ATTEMPTS
    ]
    return tuple(
        attempt.id for attempt in sorted(lost, key=lambda lost: (lost.delivered_at, lost.id))
    )
