"""A guest that tells which job it is at work on, and when it no longer is."""

from collections.abc import Awaitable, Callable

from tests.simulation.laws import Machines

from mayfly.machines.dummy.pipe import Port
from mayfly.machines.dummy.scripted import scripted
from mayfly.protocol.frames import FrameDecoder, FrameKind
from mayfly.protocol.messages import Assign, decode_from_host


class _SpiedPort:
    """Reads along until the job is there."""

    def __init__(self, port: Port, machines: Machines):
        self._port = port
        self._machines = machines
        self._decoder = FrameDecoder()
        self.job: str | None = None
        self.write = port.write
        self.close = port.close

    async def read(self) -> bytes:
        data = await self._port.read()
        for frame in self._decoder.feed(data):
            if self.job is None and frame.kind is not FrameKind.BLOB:
                message = decode_from_host(frame)
                if isinstance(message, Assign):
                    github = message.job.contexts["github"]
                    self.job = f"{github['run_id']}.{github['run_attempt']} {message.job.key}"
                    self._machines.begin(self.job)
        return data


def spied(machines: Machines) -> Callable[[Port], Awaitable[None]]:
    """The scripted guest, under observation."""

    async def guest(port: Port) -> None:
        spy = _SpiedPort(port, machines)
        try:
            await scripted(spy)  # type: ignore[arg-type]
        finally:
            if spy.job is not None:
                machines.end(spy.job)

    return guest
