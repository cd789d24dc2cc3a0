"""The real runner as a dummy's guest: the same program as in a guest, in a folder of this host.

No isolation whatever: its jobs run as the user who runs this.
"""

import asyncio
import os
import secrets
import socket
import sys
from pathlib import Path

from mayfly.machines.base import MachineFailed
from mayfly.machines.dummy.pipe import Port
from mayfly.protocol.frames import FrameDecoder, ProtocolViolation
from mayfly.protocol.messages import PROTOCOL_VERSION, Identity, Ready, decode_from_runner
from mayfly.runner import warm
from mayfly.runner.layout import Account, Layout
from mayfly.runner.machine import opened
from mayfly.runner.main import serve
from mayfly.runner.port import HostGone
from mayfly.runner.settler import Settler
from mayfly.system.owned import owned_folder
from mayfly.system.process import dies_with_parent, start
from mayfly.system.tasks import first, to_the_end

_CHUNK = 64 * 1024
_GRACE_S = 5.0


class RealRunner:
    """A `Guest`; each machine has a new folder in `parent`."""

    def __init__(self, parent: Path):
        self._parent = parent

    async def __call__(self, port: Port) -> None:
        with owned_folder(self._parent, f"dummy-{secrets.token_hex(4)}") as folder:
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", __name__, str(theirs.fileno()), str(folder)]
                process = await start(dies_with_parent(command), pass_fds=[theirs.fileno()])
            try:
                reader, writer = await asyncio.open_connection(sock=ours)
                try:
                    await _ready(reader)
                    await first(_inwards(port, writer), _outwards(reader, port), process.wait())
                finally:
                    writer.close()
            finally:
                await to_the_end(_ended(process))


async def _ended(process: asyncio.subprocess.Process) -> None:
    """The runner's own end takes its steps with it; one that does not end is killed."""
    try:
        async with asyncio.timeout(_GRACE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _ready(reader: asyncio.StreamReader) -> None:
    decoder = FrameDecoder()
    while data := await reader.read(_CHUNK):
        for frame in decoder.feed(data):
            if decode_from_runner(frame) != Ready(PROTOCOL_VERSION):
                raise MachineFailed("the runner did not begin with Ready")
            return
    raise MachineFailed("the runner ended before it was ready")


async def _inwards(port: Port, writer: asyncio.StreamWriter) -> None:
    while data := await port.read():
        writer.write(data)
        await writer.drain()


async def _outwards(reader: asyncio.StreamReader, port: Port) -> None:
    while data := await reader.read(_CHUNK):
        await port.write(data)


def main() -> int:
    """`python -m mayfly.machines.dummy.real DESCRIPTOR FOLDER`."""
    descriptor, folder = int(sys.argv[1]), Path(sys.argv[2])
    os.set_inheritable(descriptor, False)
    layout = Layout(
        work=folder / "work",
        commands=folder / "commands",
        tool_cache=folder / "tools",
        account=Account.current(),
        variables={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    )

    def settler() -> Settler:
        return Settler(lambda _identity, workspace: layout.prepare(workspace))

    def rehearse(identity: Identity) -> None:
        warm.rehearse(layout, None, settler(), identity)

    try:
        with opened(descriptor, layout) as machine:
            serve(machine, settler(), rehearse)
    except (HostGone, ProtocolViolation):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
