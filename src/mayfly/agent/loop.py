"""The agent: claims jobs while this host has room, and runs each in a machine of its own."""

import asyncio
import logging
from collections.abc import Mapping
from decimal import Decimal

from mayfly.agent.job import JobSettings, run_job
from mayfly.domain.placement import Capacity
from mayfly.machines.base import Machine, MachineDriver
from mayfly.protocol.fleet import Assignment, ControlPlane

_log = logging.getLogger(__name__)


class Agent:
    """One host. `run` until cancelled; then every machine is destroyed, kept ones too."""

    def __init__(
        self,
        name: str,
        capacity: Capacity,
        control: ControlPlane,
        driver: MachineDriver,
        settings: JobSettings,
    ):
        """`capacity` is what all jobs together may be given."""
        self._name = name
        self._capacity = capacity
        self._control = control
        self._driver = driver
        self._settings = settings
        self._jobs: dict[asyncio.Task[None], Assignment] = {}
        self._kept: dict[str, Machine] = {}
        self._held: list[Assignment] = []  # what kept machines still take
        self._room = asyncio.Event()

    @property
    def kept(self) -> Mapping[str, Machine]:
        """Machines of failed jobs, by id."""
        return self._kept

    async def run(self) -> None:
        try:
            while True:
                claiming = asyncio.create_task(self._control.claim(self._name, self._free()))
                room = asyncio.create_task(self._room.wait())
                try:
                    # More room may let a job fit that did not: then ask again with what is free.
                    await asyncio.wait({claiming, room}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    claiming.cancel()
                    room.cancel()
                    await asyncio.gather(claiming, room, return_exceptions=True)
                self._room.clear()
                if not claiming.cancelled():
                    self._begin(claiming.result())
        finally:
            for task in self._jobs:
                task.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            for machine in self._kept.values():
                await machine.destroy()

    def _begin(self, assignment: Assignment) -> None:
        task = asyncio.create_task(self._work(assignment))
        self._jobs[task] = assignment
        task.add_done_callback(self._ended)

    async def _work(self, assignment: Assignment) -> None:
        kept = await run_job(assignment, self._control, self._driver, self._settings)
        if kept is not None:
            self._kept[kept.id] = kept
            self._held.append(assignment)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._jobs[task]
        self._room.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("a job ended by a defect of ours", exc_info=error)

    def _free(self) -> Capacity:
        taken = [*self._jobs.values(), *self._held]
        return Capacity(
            cpu=self._capacity.cpu - sum(Decimal(job.cpu) for job in taken),
            memory_mib=self._capacity.memory_mib - sum(job.memory_mib for job in taken),
            architectures=self._capacity.architectures,
        )
