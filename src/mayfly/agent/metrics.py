"""What Prometheus is told by an agent, at an address of this host."""

import contextlib
from collections.abc import AsyncIterator, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mayfly.agent.pool import Pool
from mayfly.agent.serve import Serving
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.system.tasks import to_the_end
from mayfly.system.threads import in_thread


class Now(Collector):
    """What is looked at when it is asked for; by another thread, so plain numbers only."""

    def __init__(self, serving: Serving, pool: Pool | None):
        self._serving = serving
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        serving, pool = self._serving, self._pool
        yield GaugeMetricFamily(
            "mayfly_agent_jobs", "Jobs that run on this host now.", serving.jobs
        )
        yield GaugeMetricFamily(
            "mayfly_agent_session",
            "1 while the agent is in session with its server.",
            int(serving.in_session),
        )
        yield GaugeMetricFamily(
            "mayfly_agent_outbox_bytes",
            "Bytes of reports that the server has not yet taken in.",
            serving.waiting_bytes,
        )
        if pool is not None:
            yield GaugeMetricFamily(
                "mayfly_agent_pool_machines", "Machines that wait for a job.", len(pool.waiting)
            )
            yield CounterMetricFamily(
                "mayfly_agent_pool_hits", "Jobs that found a machine waiting.", pool.hits
            )
            yield CounterMetricFamily("mayfly_agent_pool_misses", "Jobs that did not.", pool.misses)


@contextlib.asynccontextmanager
async def served(registry: CollectorRegistry, address: str) -> AsyncIterator[None]:
    """At `HOST:PORT` while the block runs. Raises InvalidInput, HostCannot."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 0xFFFF:
        raise InvalidInput(f"{address!r} is no address", remedy="use --metrics 127.0.0.1:9101")
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise HostCannot(f"cannot listen on {address}: {error.strerror}") from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    try:
        yield
    finally:
        await to_the_end(in_thread(close))
