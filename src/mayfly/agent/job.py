"""One job on one machine, from the claim to the end: the main flow, read top to bottom."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from mayfly.agent.session import Ended, Session, SessionSettings
from mayfly.domain.errors import MayflyError
from mayfly.domain.job import JobState
from mayfly.machines.base import (
    Machine,
    MachineDriver,
    MachineSpec,
    MachineStart,
    Report,
    new_machine_id,
)
from mayfly.machines.network.base import NetworkPolicy
from mayfly.protocol.fleet import (
    Assignment,
    ControlPlane,
    JobEnded,
    JobPhase,
    Kept,
    Lease,
    Measured,
    Preparation,
    StaleLease,
)
from mayfly.system.tasks import stop, to_the_end

_log = logging.getLogger(__name__)

_FAILED = {JobState.FAILED, JobState.TIMED_OUT}

Keep = Callable[[Machine], Awaitable[None]]
"""Shows the machine of a failed job to a person; returns when it is no longer wanted."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How this host treats its jobs; `keep` is None where failed ones leave nothing."""

    network: NetworkPolicy
    session: SessionSettings
    disk_gib: int = 24
    keep: Keep | None = None


async def run_job(
    assignment: Assignment, control: ControlPlane, driver: MachineDriver, settings: JobSettings
) -> None:
    """Run one assignment to its end and report it. Its machine is destroyed, whatever happens.

    Cancelling the call ends the job at once. Raises what the control plane raises.
    """
    lease = assignment.lease
    job = _Job(assignment, control, driver, settings)
    try:
        ended = await job.carry_out()
        keep = settings.keep if ended.state in _FAILED and not ended.machine_gone else None
        if keep is None:
            await job.destroy_machine()
        await job.report_machine(kept=keep is not None)
        await control.report(lease, JobEnded(ended.state, ended.outputs, ended.reason))
        if keep is not None and job.machine is not None:
            await keep(job.machine)
    except StaleLease:
        _log.info("%s was taken away", lease)
    except asyncio.CancelledError:
        await job.destroy_machine()
        with contextlib.suppress(StaleLease):
            await control.report(lease, JobEnded(JobState.CANCELLED, reason="interrupted"))
        raise
    finally:
        await to_the_end(job.close())


class _Unwanted(Exception):
    """The job was cancelled before it had a machine."""


class _Job:
    """One assignment on its way; `wish` ends with the reason once the job is to be cancelled."""

    def __init__(
        self,
        assignment: Assignment,
        control: ControlPlane,
        driver: MachineDriver,
        settings: JobSettings,
    ):
        self._assignment = assignment
        self._lease = assignment.lease
        self._control = control
        self._driver = driver
        self._settings = settings
        self._session: Session | None = None
        self.machine: Machine | None = None
        self.wish = asyncio.create_task(control.cancellation(assignment.lease))

    async def carry_out(self) -> Ended:
        """Make a machine and hold the session. Raises StaleLease."""
        try:
            async with _unless(self.wish):
                self.machine, claimed = await self._started()
                spec = await self._control.hand_over(self._lease)
            self._session = Session(
                self.machine,
                self._assignment,
                spec,
                self._control,
                self._settings.session,
                claimed=claimed,
            )
            return await self._session.run(self.wish)
        except _Unwanted as reason:
            return Ended(JobState.CANCELLED, reason=str(reason))
        except StaleLease:
            raise
        except MayflyError as error:
            return Ended(JobState.LOST, reason=self._why_lost(error))
        except Exception:  # noqa: BLE001 (whatever it is, other jobs go on)
            _log.exception("a defect of Mayfly ended %s", self._lease)
            return Ended(JobState.LOST, reason="a defect of Mayfly ended it; see its log")

    async def report_machine(self, *, kept: bool) -> None:
        """What its machine took and that it stays, if there was one. Raises StaleLease."""
        if self.machine is None or self._session is None:
            return
        usage = self.machine.usage()
        measured = Measured(
            self.machine.accelerator,
            self._session.start_seconds,
            usage.cpu_seconds,
            usage.peak_memory,
            usage.more(),
        )
        await self._control.report(self._lease, measured)
        if kept:
            await self._control.report(self._lease, Kept(self.machine.id))

    async def destroy_machine(self) -> None:
        """Idempotent; not cut short by a cancellation."""
        if self.machine is not None:
            await to_the_end(self.machine.destroy())

    async def close(self) -> None:
        """Nothing of the job is left after it."""
        await stop(self.wish)
        await self.destroy_machine()

    def _why_lost(self, error: MayflyError) -> str:
        if self.machine is not None:
            return _in_words(error)
        wanted = self._assignment
        of = f"image {wanted.image} for {wanted.architecture}"
        return f"no machine of {of} started: {_in_words(error)}"

    async def _started(self) -> tuple[Machine, float]:
        """The machine, and the time (of the loop) from which its start counts."""
        await self._control.report(self._lease, JobPhase(JobState.STARTING))
        spec = _machine_spec(self._assignment, self._settings)
        async with _progress_to(self._control, self._lease, spec) as report:
            await self._driver.prepare(spec, report)
        # What is made once for all machines of a kind does not count as starting.
        since = asyncio.get_running_loop().time()
        name = new_machine_id()
        start = MachineStart(id=name, hostname=name, network=self._settings.network)
        return await self._driver.start(spec, start), since


def _machine_spec(assignment: Assignment, settings: JobSettings) -> MachineSpec:
    return MachineSpec(
        image=assignment.image,
        architecture=assignment.architecture,
        vcpus=assignment.vcpus,
        memory_mib=assignment.memory_mib,
        disk_gib=settings.disk_gib,
    )


def _in_words(error: MayflyError) -> str:
    parts = (error.message, error.details, error.remedy)
    return "\n".join(part for part in parts if part)


@contextlib.asynccontextmanager
async def _unless(wish: "asyncio.Task[str]") -> AsyncIterator[None]:
    """Cut the block short when the wish to cancel is there; raises _Unwanted then."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as patience:

            async def give_up() -> None:
                await asyncio.wait([wish])
                patience.reschedule(loop.time())

            giving_up = asyncio.create_task(give_up())
            try:
                yield
            finally:
                giving_up.cancel()
    except TimeoutError:
        if not patience.expired():
            raise
        raise _Unwanted(wish.result()) from None


@contextlib.asynccontextmanager
async def _progress_to(
    control: ControlPlane, lease: Lease, spec: MachineSpec
) -> AsyncIterator[Report]:
    """A Report whose latest news go to the control plane, without waiting for it."""
    subject = f"{spec.image} {spec.architecture} {spec.vcpus} CPU {spec.memory_mib} MiB"
    latest: list[Preparation] = []
    news = asyncio.Event()

    def report(stage: str, fraction: float | None) -> None:
        latest[:] = [Preparation(subject, stage, fraction)]
        news.set()

    async def forward() -> None:
        while True:
            await news.wait()
            news.clear()
            await control.report(lease, latest[0])

    forwarding = asyncio.create_task(forward())
    end = "given up"
    try:
        yield report
        end = "ready"
    finally:
        await stop(forwarding)
        if latest:
            with contextlib.suppress(StaleLease):
                await control.report(lease, replace(latest[0], stage=end, done=True))
