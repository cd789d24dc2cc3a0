"""One QEMU process with its sockets: started confined, watched, ended for certain."""

import asyncio
import collections
import contextlib
import os
import signal
import socket
import subprocess
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.machines.base import Death, MachineFailed, Usage
from mayfly.machines.metering import HostStrain, usage_of
from mayfly.machines.network.base import PreparedNetwork
from mayfly.machines.network.ruleset import TAP
from mayfly.machines.qemu import qmp
from mayfly.machines.qemu.command import RUNNER, Begin, Channels, Disks, Parts, command
from mayfly.system.process import dies_with_parent, start

_TAIL = 64 * 1024
_LAST_LINES = 15
_PANIC = "Kernel panic"  # what follows it is for kernel developers
_FIRST_UID = 1_800_000_000
_UIDS = 100_000_000


@dataclass(frozen=True, slots=True)
class Stream:
    """Our end of a socket to QEMU."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        try:
            return await self.reader.read(256 * 1024)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError as error:
            raise MachineFailed("the machine has ended") from error

    async def close(self) -> None:
        self.writer.close()


class Tail:
    """The end of a stream that a hostile guest may write to for ever."""

    def __init__(self) -> None:
        self._parts: collections.deque[bytes] = collections.deque()
        self._size = 0

    async def follow(self, reader: asyncio.StreamReader) -> None:
        """Reads to the end of the stream."""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_TAIL):
                self._parts.append(data)
                self._size += len(data)
                while self._size - len(self._parts[0]) >= _TAIL:
                    self._size -= len(self._parts.popleft())

    def text(self) -> str:
        return b"".join(self._parts)[-_TAIL:].decode(errors="replace").replace("\r\n", "\n")


class QemuProcess:
    """A started QEMU. `monitor` is a plain socket for QMP, the others are streams."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        monitor: socket.socket,
        runner: Stream,
        shell: Stream,
        console: Stream,
    ):
        self._process = process
        self._handle = os.pidfd_open(process.pid)
        self.monitor = monitor
        self.runner = runner
        self.shell = shell
        self._console = console
        self._printed = Tail()
        self._complaints = Tail()
        assert process.stderr is not None  # it was asked for
        self._watchers = [
            asyncio.create_task(self._printed.follow(console.reader)),
            asyncio.create_task(self._complaints.follow(process.stderr)),
        ]
        self._strain = HostStrain.now()
        self._usage = Usage(0.0, 0)
        self._left_by_guest = False

    @classmethod
    async def launch(
        cls,
        name: str,
        shape: Sequence[str],
        disks: Disks,
        begin: Begin,
        network: PreparedNetwork,
    ) -> "QemuProcess":
        """Start QEMU inside `network`, under a user of its own when we are root."""
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            pairs = [_pair(ours, theirs) for _ in range(4)]
            channels = Channels(*(other.fileno() for _, other in pairs))
            parts = Parts(disks, channels, network.netdev("net"), begin)
            process = await start(
                network.wrap(_confined(name, command(shape, parts))),
                stderr=subprocess.PIPE,
                new_session=True,  # a Ctrl-C is ours to handle: jobs may clean up first
                pass_fds=(*parts.descriptors, *network.pass_fds),
            )
            monitor, *rest = (own for own, _ in pairs)
            try:
                streams = [Stream(*await asyncio.open_connection(sock=own)) for own in rest]
            except BaseException:
                process.kill()
                await process.wait()
                raise
            ours.pop_all()
            return cls(process, monitor, *streams)

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self) -> None:
        """End the machine when its guest closes the runner's port; from now on the monitor is ours.

        Without it, a job that kills the runner would look like one that is merely quiet.
        """
        self._watchers.append(asyncio.create_task(self._watch()))

    async def _watch(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self.monitor)
        try:
            self._left_by_guest = await qmp.port_closed(reader, RUNNER)
        finally:
            writer.close()
        if self._left_by_guest and self._handle >= 0:
            self._kill()

    def _kill(self) -> None:
        # Not by `Process.kill`, which may reap it behind asyncio's back.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    async def death(self) -> Death:
        """Waits for its end. QEMU leaves with status 0 when the guest powers off or panics."""
        status = await self._process.wait()
        return Death(self._left_by_guest or status == 0, self.reason_of_death())

    def reason_of_death(self) -> str:
        """What QEMU and the guest's kernel said last."""
        lines = self._printed.text().strip().splitlines()
        panic = next((number for number, line in enumerate(lines) if _PANIC in line), None)
        last = lines[-_LAST_LINES:] if panic is None else [lines[panic]]
        return "\n".join(line for line in [self._complaints.text().strip(), *last] if line)

    def usage(self) -> Usage:
        """What it took so far; after its end, what it took when last asked."""
        if self._process.returncode is None:  # else its number may be another's
            with contextlib.suppress(OSError):
                self._usage = usage_of(self._process.pid, TAP, self._strain)
        return self._usage

    async def destroy(self) -> None:
        """Idempotent."""
        if self._handle < 0:
            return
        self.usage()
        self._kill()
        os.close(self._handle)
        self._handle = -1
        await self._process.wait()
        for stream in (self.runner, self.shell, self._console):
            await stream.close()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self.monitor.close()


def _confined(name: str, argv: list[str]) -> list[str]:
    """The command that dies with us and can gain nothing; as root, under a user of its own.

    No other process has that user, so machines cannot signal or trace each other.
    """
    prefix = ["setpriv", "--no-new-privs"]
    if os.geteuid() == 0:
        user = str(_FIRST_UID + zlib.crc32(name.encode()) % _UIDS)
        prefix += [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all"]
    # Last, because a change of user makes the kernel forget it.
    return [*prefix, "--", *dies_with_parent(argv)]


def _pair(
    ours: contextlib.ExitStack, theirs: contextlib.ExitStack
) -> tuple[socket.socket, socket.socket]:
    own, other = socket.socketpair()
    ours.enter_context(own)
    theirs.enter_context(other)
    return own, other
