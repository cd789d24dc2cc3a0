"""What Prometheus is told: what this process measures as it goes, and how the fleet stands.

One registry for each server, not the library's global one, so that several live in one process.
Figures of the fleet are read from the store, so every replica tells the same: take their maximum,
not their sum.
"""

from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from mayfly.server.fleet_metrics import FleetMetrics
from mayfly.store.base import Store, Tx, View, Watch

T = TypeVar("T")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """`observe` and `time` of its parts may be called from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.fleet = FleetMetrics(self.registry)
        self.store_seconds = self._seconds(
            "mayfly_store_seconds", "Time a transaction took, waiting for others included.", "kind"
        )
        self.claim_seconds = self._seconds(
            "mayfly_claim_seconds", "Time to decide which hosts that wait get which jobs."
        )
        self.webhook_seconds = self._seconds(
            "mayfly_webhook_seconds", "Time to verify and store a webhook."
        )
        self.request_seconds = self._seconds(
            "mayfly_http_request_seconds",
            "Time until a response was complete; of streams and long polls nothing.",
            "method",
            "route",
            "status",
        )

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self.registry)

    def _seconds(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(name, help_text, labels, buckets=_SECONDS, registry=self.registry)


class TimedStore:
    """A store whose transactions are timed; see `store.base.Store`."""

    def __init__(self, store: Store, metrics: Metrics):
        self._store = store
        self._seconds = metrics.store_seconds

    async def serial(self, work: Callable[[Tx], T]) -> T:
        with self._seconds.labels("serial").time():
            return await self._store.serial(work)

    async def write(self, work: Callable[[Tx], T]) -> T:
        with self._seconds.labels("write").time():
            return await self._store.write(work)

    async def read(self, work: Callable[[View], T]) -> T:
        with self._seconds.labels("read").time():
            return await self._store.read(work)

    def watch(self, *topics: str) -> Watch:
        return self._store.watch(*topics)

    async def close(self) -> None:
        await self._store.close()
