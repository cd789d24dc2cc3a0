"""One job on one machine, from the claim to the end: the main flow, read top to bottom."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

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

_FAILED = {JobState.FAILED, JobState.TIMED_OUT}


@dataclass(frozen=True, slots=True)
class JobSettings:
    """How this host treats its jobs."""

    network: NetworkPolicy
    session: SessionSettings
    disk_gib: int = 24
    keep_failed: bool = False


async def run_job(
    assignment: Assignment, control: ControlPlane, driver: MachineDriver, settings: JobSettings
) -> Machine | None:
    """Run one assignment to its end and report it.

    The machine is destroyed, whatever happens, unless the job failed and `keep_failed` is set: it
    is returned then and the caller's to destroy. Cancelling the call ends the job at once.
    """
    lease = assignment.lease
    ended = Ended(JobState.LOST, reason="a defect of Mayfly ended it; see its log")
    session: Session | None = None
    machine: Machine | None = None
    keep = False
    try:
        await control.report(lease, JobPhase(JobState.STARTING))
        spec = _machine_spec(assignment, settings)
        async with _progress_to(control, lease, spec) as report:
            await driver.prepare(spec, report)
        claimed = time.monotonic()  # what is made once a template does not count as starting
        machine = await driver.start(spec, _machine_start(settings))
        session = Session(machine, assignment, control, settings.session, claimed)
        ended = await session.run()
        keep = settings.keep_failed and ended.state in _FAILED and not ended.machine_gone
    except MayflyError as error:
        ended = Ended(JobState.LOST, reason=_in_words(error))
    except StaleLease:
        return None
    except asyncio.CancelledError:
        ended = Ended(JobState.CANCELLED, reason="interrupted")
        raise
    finally:
        if machine is not None and not keep:
            await machine.destroy()
        with contextlib.suppress(StaleLease):
            if machine is not None and session is not None:
                await control.report(lease, _measured(machine, session))
                if keep:
                    await control.report(lease, Kept(machine.id))
            await control.report(lease, JobEnded(ended.state, ended.outputs, ended.reason))
    return machine if keep else None


def _machine_spec(assignment: Assignment, settings: JobSettings) -> MachineSpec:
    return MachineSpec(
        image=assignment.image,
        architecture=assignment.architecture,
        vcpus=assignment.vcpus,
        memory_mib=assignment.memory_mib,
        disk_gib=settings.disk_gib,
    )


def _machine_start(settings: JobSettings) -> MachineStart:
    machine = new_machine_id()
    return MachineStart(id=machine, hostname=machine, network=settings.network)


def _measured(machine: Machine, session: Session) -> Measured:
    usage = machine.usage()
    return Measured(
        machine.accelerator, session.start_seconds, usage.cpu_seconds, usage.peak_memory
    )


def _in_words(error: MayflyError) -> str:
    parts = (error.message, error.details, error.remedy)
    return "\n".join(part for part in parts if part)


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
    try:
        yield report
    finally:
        forwarding.cancel()
        await asyncio.gather(forwarding, return_exceptions=True)
        if latest:
            with contextlib.suppress(StaleLease):
                await control.report(lease, Preparation(subject, "ready", 1.0, done=True))
