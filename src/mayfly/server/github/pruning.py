"""Forgets what nobody asks about any more, a little at a time. Serial transactions."""

from mayfly.forges.github.redelivery import HORIZON
from mayfly.server.github import chores
from mayfly.store.base import Tx
from mayfly.store.forge_rows import ChoreRow, DeliveryRow, ForgeJobRow, RunnerRow

_DAY = 86400.0
_DELIVERIES_S = HORIZON + _DAY  # GitHub cannot deliver them again
_JOBS_S = 30 * _DAY
_AT_ONCE = 500


def prune(tx: Tx, now: float) -> bool:
    """Whether there is more."""
    deliveries = tx.find(DeliveryRow, received__lt=now - _DELIVERIES_S, read=True, limit=_AT_ONCE)
    for delivery in deliveries:
        tx.delete(DeliveryRow, delivery.id)
    jobs = tx.find(ForgeJobRow, changed__lt=now - _JOBS_S, limit=_AT_ONCE)
    for job in jobs:
        _forget(tx, job)
    return _AT_ONCE in {len(deliveries), len(jobs)}


def _forget(tx: Tx, job: ForgeJobRow) -> None:
    """GitHub has ended it long ago, whatever is known here."""
    places = tx.find(RunnerRow, made_for=job.id)
    if any(place.live for place in places):
        return
    for place in places:
        tx.delete(RunnerRow, place.id)
        tx.delete(ChoreRow, f"{chores.DEREGISTER}/{place.id}")
    tx.delete(ForgeJobRow, job.id)
