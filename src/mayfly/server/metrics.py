"""What Prometheus is told: what this process measures as it goes, and what the store says.

One registry for each server, not the library's global one, so that several live in one process.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_WAITING = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)


class Metrics:
    """`observe` and `inc` may be called from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.store_seconds = Histogram(
            "mayfly_store_seconds",
            "Time a transaction took, waiting for others included.",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.claim_seconds = Histogram(
            "mayfly_claim_seconds",
            "Time to decide who gets which job, for one request of a host.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.webhook_seconds = Histogram(
            "mayfly_webhook_seconds",
            "Time to verify and store a webhook.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "mayfly_http_request_seconds",
            "Time until a response was complete; streams left out.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.waiting_seconds = Histogram(
            "mayfly_job_waiting_seconds",
            "Time jobs waited from being ready to being given to a host.",
            ["architecture"],
            buckets=_WAITING,
            registry=self.registry,
        )
        self.jobs_ended = Counter(
            "mayfly_jobs_ended_total",
            "Jobs that ended, by how, as this server took it in.",
            ["state"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        """In Prometheus' format."""
        return generate_latest(self.registry)
