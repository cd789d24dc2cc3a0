"""What runs in the machines: a guest that does what its job is, native or GitHub's, observed."""

from collections.abc import Awaitable, Callable

from tests.simulation.laws import Machines
from tests.standins.github.runner import read_config

from mayfly.machines.dummy.pipe import Port
from mayfly.machines.dummy.scripted import scripted
from mayfly.protocol.frames import FrameDecoder, FrameKind
from mayfly.protocol.messages import Assign, decode_from_host
from mayfly.server.github.spec import CONFIG
from mayfly.workflow.spec import JobSpec

Guest = Callable[[Port], Awaitable[None]]


class _Begun:
    """A port that is read until the job is there, and then from the beginning."""

    def __init__(self, port: Port):
        self._port = port
        self._read: list[bytes] = []
        self.write = port.write
        self.close = port.close

    async def job(self) -> JobSpec | None:
        """None if the host hangs up before."""
        decoder = FrameDecoder()
        while data := await self._port.read():
            self._read.append(data)
            for frame in decoder.feed(data):
                message = None if frame.kind is FrameKind.BLOB else decode_from_host(frame)
                if isinstance(message, Assign):
                    return message.job
        return None

    async def read(self) -> bytes:
        return self._read.pop(0) if self._read else await self._port.read()


def observed(machines: Machines, runner: Guest) -> Guest:
    """`runner` is the guest for jobs of GitHub; native ones follow their script."""

    async def guest(port: Port) -> None:
        begun = _Begun(port)
        job = await begun.job()
        if job is None:
            return
        name = _name(job)
        machines.begin(name)
        try:
            await (runner if CONFIG in job.env else scripted)(begun)  # type: ignore[arg-type]
        finally:
            machines.end(name)

    return guest


def _name(job: JobSpec) -> str:
    """The same in each attempt of a native job's attempt, and of a place for GitHub's."""
    if CONFIG in job.env:
        _, runner, _ = read_config(job.env[CONFIG])
        return runner.rpartition("-")[0]
    github = job.contexts["github"]
    return f"{github['run_id']}.{github['run_attempt']} {job.key}"
