"""Machines of failed jobs that wait for a person: each offers its shell on a socket.

machines/<id>/shell.sock    bytes of the guest's shell port, as they are; one visitor at a time
machines/<id>/owner         locked while the machine lives; `reap` removes the folder otherwise
"""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mayfly.machines.base import Machine, ShellChannel
from mayfly.system.home import Home
from mayfly.system.locks import locked, locked_if_free


async def keep_until(stop: asyncio.Event, machines: Mapping[str, Machine], home: Home) -> None:
    """Offer each machine's shell until `stop` is set, or every shell was entered and left."""
    if not machines:
        return
    visits = [asyncio.create_task(_offer(machine, home)) for machine in machines.values()]
    stopped = asyncio.create_task(stop.wait())
    everyone_left = asyncio.create_task(_all_of(visits))
    try:
        await asyncio.wait({stopped, everyone_left}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, everyone_left, *visits):
            task.cancel()
        await asyncio.gather(stopped, everyone_left, *visits, return_exceptions=True)


async def _all_of(visits: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.wait(visits)


def reap(home: Home) -> list[str]:
    """Remove the folders of machines whose owner is gone."""
    gone = []
    with locked(home.machines / ".lock"):
        for owner in sorted(home.machines.glob("*/owner")):
            with locked_if_free(owner) as free:
                if free:
                    shutil.rmtree(owner.parent, ignore_errors=True)
                    gone.append(f"machine {owner.parent.name}")
    return gone


def shell_socket(home: Home, machine: str) -> Path:
    return home.machines / machine / "shell.sock"


async def _offer(machine: Machine, home: Home) -> None:
    left = asyncio.Event()

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _bridge(await machine.open_shell(), reader, writer)
        finally:
            writer.close()
            left.set()

    with _folder(home, machine.id):
        path = shell_socket(home, machine.id)
        async with await asyncio.start_unix_server(visit, path):
            await left.wait()


@contextlib.contextmanager
def _folder(home: Home, machine: str) -> Iterator[None]:
    folder = home.machines / machine
    with contextlib.ExitStack() as stack:
        with locked(home.machines / ".lock"):
            folder.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(locked(folder / "owner"))
        yield


async def _bridge(
    shell: ShellChannel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry bytes both ways until the visitor leaves or the machine ends."""

    async def inwards() -> None:
        while data := await reader.read(64 * 1024):
            await shell.write(data)

    async def outwards() -> None:
        while data := await shell.read():
            writer.write(data)
            await writer.drain()

    ways = [asyncio.create_task(inwards()), asyncio.create_task(outwards())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
