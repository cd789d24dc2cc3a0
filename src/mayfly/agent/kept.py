"""Machines of failed jobs that wait for a person: each offers its shell on a socket.

machines/<id>/shell.sock    bytes of the guest's shell port, as they are
machines/<id>/owner         locked while the machine lives; `reap` removes the folder otherwise
"""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from mayfly.machines.base import Machine, MachineFailed, ShellChannel
from mayfly.system.home import Home
from mayfly.system.locks import locked, locked_if_free
from mayfly.system.tasks import first

_CHUNK = 64 * 1024
_OWNER = "owner"
_SOCKET = "shell.sock"

_Visitor = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def offer(home: Home, machine: Machine) -> None:
    """Offer a machine's shell; returns when a visitor has come and gone, or the machine ended.

    There is one visitor; whoever comes later is sent away.
    """
    visitors: list[_Visitor] = []
    came = asyncio.Event()

    def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append((reader, writer))
        came.set()

    with _folder(home, machine.id) as folder:
        server = await asyncio.start_unix_server(visit, folder / _SOCKET)
        try:
            await first(came.wait(), machine.death())
            server.close()
            if visitors:
                await _bridge(await machine.open_shell(), *visitors[0])
        finally:
            server.close()
            for _, writer in visitors:
                writer.close()


def shell_socket(home: Home, machine: str) -> Path:
    return home.machines / machine / _SOCKET


def reap(home: Home) -> list[str]:
    """Remove the folders of machines whose owner is gone."""
    gone = []
    with locked(home.machines / ".lock"):
        for folder in sorted(path for path in home.machines.iterdir() if path.is_dir()):
            with locked_if_free(folder / _OWNER) as free:
                if free:
                    shutil.rmtree(folder, ignore_errors=True)
                    gone.append(f"machine {folder.name}")
    return gone


@contextlib.contextmanager
def _folder(home: Home, machine: str) -> Iterator[Path]:
    folder = home.machines / machine
    with contextlib.ExitStack() as stack:
        with locked(home.machines / ".lock"):
            folder.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(locked(folder / _OWNER))
        yield folder


async def _bridge(
    shell: ShellChannel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry bytes both ways until the visitor leaves or the machine ends."""

    async def inwards() -> None:
        with contextlib.suppress(ConnectionError, MachineFailed):
            while data := await reader.read(_CHUNK):
                await shell.write(data)

    async def outwards() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await shell.read():
                writer.write(data)
                await writer.drain()

    await first(inwards(), outwards())
