"""The agent: claims jobs while this host has room, and runs each in a machine of its own."""

import asyncio

from structlog.contextvars import bound_contextvars

from mayfly.agent.job import JobSettings, run_job
from mayfly.domain.placement import Capacity, less
from mayfly.machines.base import MachineDriver
from mayfly.protocol.fleet import Assignment, ControlPlane
from mayfly.system.tasks import stop


class Agent:
    """One host. `run` until cancelled; then every machine is destroyed, kept ones too."""

    def __init__(
        self,
        capacity: Capacity,
        control: ControlPlane,
        driver: MachineDriver,
        settings: JobSettings,
    ):
        """`capacity` is what all jobs together may be given."""
        self._capacity = capacity
        self._control = control
        self._driver = driver
        self._settings = settings
        # A job takes its room until its machine is destroyed, so also while that is kept.
        self._jobs: dict[asyncio.Task[None], Assignment] = {}
        self._failure: BaseException | None = None
        self._room = asyncio.Event()

    @property
    def free(self) -> Capacity:
        """Room that no job has."""
        free = self._capacity
        for job in self._jobs.values():
            free = less(free, job.cpu, job.memory_mib)
        return free

    async def run(self) -> None:
        """Raises what the control plane raised; never ends by itself otherwise."""
        try:
            while self._failure is None:
                if assignment := await self._claimed():
                    self._begin(assignment)
            raise self._failure
        finally:
            await stop(*self._jobs)

    async def idle(self) -> None:
        """Returns when no job runs and no machine is kept. Raises what the control plane raised."""
        while self._jobs:
            await asyncio.wait(self._jobs)
        if self._failure is not None:
            raise self._failure

    async def _claimed(self) -> Assignment | None:
        """None when there is more room, and so more to ask for."""
        self._room.clear()
        claiming = asyncio.create_task(self._control.claim(self.free))
        room = asyncio.create_task(self._room.wait())
        try:
            await asyncio.wait({claiming, room}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await stop(claiming, room)
        return None if claiming.cancelled() else claiming.result()

    def _begin(self, assignment: Assignment) -> None:
        task = asyncio.create_task(self._carry_out(assignment))
        self._jobs[task] = assignment
        task.add_done_callback(self._ended)

    async def _carry_out(self, assignment: Assignment) -> None:
        lease = assignment.lease
        with bound_contextvars(job=lease.job, attempt=lease.attempt):
            await run_job(assignment, self._control, self._driver, self._settings)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._jobs[task]
        if not task.cancelled():
            self._failure = self._failure or task.exception()
        self._room.set()
