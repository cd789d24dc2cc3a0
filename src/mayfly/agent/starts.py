"""Watches how machines start on this host: counts, times, and notices when none does any more.

A driver around a driver. A host on which nothing starts is reported, so that it gets no more jobs
until a person has looked; see `Illness` for how that differs from an image that starts nowhere.
"""

import asyncio
import logging
import time
from collections import Counter as Count
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from mayfly.agent.backoff import Backoff
from mayfly.agent.connection import Connection, Refused, Unreachable
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput, MayflyError
from mayfly.machines.base import Machine, MachineDriver, MachineSpec, MachineStart, Report, silent
from mayfly.protocol import wire

_log = logging.getLogger(__name__)

ALLOWED = 5
OF_ONE_IMAGE = 3
_START_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0, 60.0)
_TEMPLATE_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0)


class Illness:
    """Whether it is the host on which machines do not start, and not an image that starts nowhere.

    It is the host after `ALLOWED` failures in a row: no machine of any image started in between.
    Of one image no more than `OF_ONE_IMAGE` of them count, as it may be the image that is broken:
    so an image that never started here makes no host ill unless another one fails as well.

    All count, so that a host that serves one image only is found ill as well, where a machine of
    the image and architecture has started here before and none does now from the template, which is
    there. That no template can be made is not such proof: the name may stand for a new, broken
    image by now.
    """

    def __init__(self) -> None:
        self._started: set[tuple[str, Architecture]] = set()
        self._proven = 0
        self._doubtful = Count[str]()
        self._reason = ""
        self._ill = asyncio.Event()

    def worked(self, spec: MachineSpec) -> None:
        self._started.add((spec.image, spec.architecture))
        self._forget()

    def failed(self, spec: MachineSpec, error: MayflyError, *, prepared: bool) -> None:
        """`prepared`: its template was there."""
        if isinstance(error, InvalidInput):
            return  # a job asked for what there is not
        if prepared and (spec.image, spec.architecture) in self._started:
            self._proven += 1
        else:
            self._doubtful[spec.image] += 1
        self._reason = (
            f"{self._proven + self._doubtful.total()} machines in a row did not start; "
            f"the last, of image {spec.image}: {error.message}"
        )
        counted = (min(times, OF_ONE_IMAGE) for times in self._doubtful.values())
        if self._proven + sum(counted) >= ALLOWED:
            self._ill.set()

    async def report(self, connection: Connection) -> None:
        """Tells the server each time it is so, until cancelled."""
        while True:
            await self._ill.wait()
            self._ill.clear()
            self._forget()
            _log.error("this host is ill: %s", self._reason)
            await _told(connection, wire.Quarantine(self._reason))

    def _forget(self) -> None:
        self._proven = 0
        self._doubtful.clear()


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
            self._failed(spec, error, prepared=False)
            raise
        if reported:
            seconds = time.monotonic() - began
            self._metrics.template_seconds.labels(*_labels(spec)).observe(seconds)

    async def start(self, spec: MachineSpec, start: MachineStart) -> Machine:
        began = time.monotonic()
        try:
            machine = await self._driver.start(spec, start)
        except MayflyError as error:
            self._failed(spec, error, prepared=True)
            raise
        self._illness.worked(spec)
        self._metrics.seconds.labels(*_labels(spec)).observe(time.monotonic() - began)
        return machine

    async def reap(self) -> list[str]:
        return await self._driver.reap()

    async def close(self) -> None:
        await self._driver.close()

    def _failed(self, spec: MachineSpec, error: MayflyError, *, prepared: bool) -> None:
        where = "start" if prepared else "template"
        self._metrics.failures.labels(*_labels(spec), where).inc()
        self._illness.failed(spec, error, prepared=prepared)


def _labels(spec: MachineSpec) -> tuple[str, str]:
    return spec.image, spec.architecture.value
