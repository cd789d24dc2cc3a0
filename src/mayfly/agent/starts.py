"""Watches how machines start on this host: counts, times, and notices when none does any more.

A driver around a driver. When several machines in a row did not start, it is the host that is ill,
not the jobs: it is reported, so that it gets no more of them until a person has looked.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Connection, Refused, Unreachable
from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, Report, silent
from mayfly.protocol import wire

_log = logging.getLogger(__name__)

ALLOWED = 5
_START_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0)
_TEMPLATE_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class Illness:
    """How many starts in a row have failed, and whether that is too many."""

    def __init__(self, allowed: int = ALLOWED):
        self._allowed = allowed
        self._row = 0
        self._reason = ""
        self._ill = asyncio.Event()

    def worked(self) -> None:
        self._row = 0

    def failed(self, image: str, error: MayflyError) -> None:
        if isinstance(error, InvalidInput):
            return  # a job asked for what there is not
        self._row += 1
        self._reason = (
            f"{self._row} machines in a row did not start; the last, of image {image}: "
            f"{error.message}"
        )
        if self._row >= self._allowed:
            self._ill.set()

    async def report(self, connection: Connection) -> None:
        """Tells the server each time it is so, until cancelled."""
        while True:
            await self._ill.wait()
            self._ill.clear()
            self._row = 0
            _log.error("this host is ill: %s", self._reason)
            await _told(connection, wire.Quarantine(self._reason))


async def _told(connection: Connection, message: wire.Quarantine) -> None:
    backoff = Backoff(1.0, 60.0)
    while True:
        try:
            await connection.tell("/quarantine", message)
        except Unreachable:
            await backoff.pause()
        except Refused as error:
            _log.error("the server does not take that in: %s", error)
            return
        else:
            return


@dataclass(frozen=True, slots=True)
class StartMetrics:
    seconds: Histogram
    template_seconds: Histogram
    failures: Counter

    @classmethod
    def of(cls, registry: CollectorRegistry) -> "StartMetrics":
        return cls(
            Histogram(
                "mayfly_agent_machine_start_seconds",
                "Time until a machine waited for its job.",
                ["image", "architecture"],
                buckets=_START_S,
                registry=registry,
            ),
            Histogram(
                "mayfly_agent_template_seconds",
                "Time until the template of a machine was there, if that had to be waited for.",
                ["image", "architecture"],
                buckets=_TEMPLATE_S,
                registry=registry,
            ),
            Counter(
                "mayfly_agent_machine_start_failures_total",
                "Machines that did not start, by where that failed.",
                ["image", "architecture", "where"],
                registry=registry,
            ),
        )


class WatchedDriver:
    """See `machines.base.MachineDriver`."""

    def __init__(self, driver: MachineDriver, metrics: StartMetrics, illness: Illness):
        self._driver = driver
        self._metrics = metrics
        self._illness = illness

    @property
    def name(self) -> str:
        return self._driver.name

    async def prepare(self, spec: MachineSpec, report: Report = silent) -> None:
        began = time.monotonic()
        reported = False

        def watched(stage: str, fraction: float | None) -> None:
            nonlocal reported
            reported = True
            report(stage, fraction)

        try:
            await self._driver.prepare(spec, watched)
        except MayflyError as error:
            self._failed(spec, "template", error)
            raise
        if reported:
            seconds = time.monotonic() - began
            self._metrics.template_seconds.labels(*_labels(spec)).observe(seconds)

    async def start(self, spec: MachineSpec, start: MachineStart) -> Machine:
        began = time.monotonic()
        try:
            machine = await self._driver.start(spec, start)
        except MayflyError as error:
            self._failed(spec, "start", error)
            raise
        self._illness.worked()
        self._metrics.seconds.labels(*_labels(spec)).observe(time.monotonic() - began)
        return machine

    async def reap(self) -> list[str]:
        return await self._driver.reap()

    async def close(self) -> None:
        await self._driver.close()

    def _failed(self, spec: MachineSpec, where: str, error: MayflyError) -> None:
        self._metrics.failures.labels(*_labels(spec), where).inc()
        self._illness.failed(spec.image, error)


def _labels(spec: MachineSpec) -> tuple[str, str]:
    return spec.image, spec.architecture.value
