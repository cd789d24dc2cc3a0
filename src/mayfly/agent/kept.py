"""Machines of failed jobs that wait for a person: each offers its shell on a socket.

machines/<id>/shell.sock    bytes of the guest's shell port, as they are
machines/<id>/owner         locked while the machine lives; `reap` removes the folder otherwise
"""

import asyncio
import contextlib
from pathlib import Path

from mayfly.machines.base import Machine, MachineFailed, ShellChannel
from mayfly.system.home import Home
from mayfly.system.owned import owned_folder, reap_folders
from mayfly.system.tasks import first

_CHUNK = 64 * 1024
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

    with owned_folder(home.machines, machine.id) as folder:
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
    return [f"machine {folder.name}" for folder in reap_folders(home.machines)]


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
