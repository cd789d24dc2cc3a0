"""Kept machines: a shell on a socket, for one visitor, and nothing left afterwards."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mayfly.agent import kept
from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineSpec, MachineStart
from mayfly.machines.dummy.driver import DummyDriver, DummyMachine
from mayfly.system.home import Home
from mayfly.system.process import start
from mayfly.system.tasks import stop

SPEC = MachineSpec("default", Architecture.AMD64, 1, 1024)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
async def machine() -> AsyncIterator[DummyMachine]:
    driver = DummyDriver(lambda _port: asyncio.Event().wait())  # type: ignore[arg-type,return-value]
    await driver.prepare(SPEC)
    machine = await driver.start(SPEC, MachineStart("mayfly-12345678", "mayfly-12345678"))
    yield machine
    await machine.destroy()


@contextlib.asynccontextmanager
async def offered(home: Home, machine: DummyMachine) -> AsyncIterator["asyncio.Task[None]"]:
    """The shell is on its socket inside the block."""
    offering = asyncio.create_task(kept.offer(home, machine))
    while not kept.shell_socket(home, machine.id).exists():  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0)
    try:
        yield offering
    finally:
        await stop(offering)
        assert not (home.machines / machine.id).exists()


async def enter(
    home: Home, machine: DummyMachine
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(kept.shell_socket(home, machine.id))


async def test_a_visitor_talks_to_the_shell_and_leaving_ends_the_offer(
    home: Home, machine: DummyMachine
) -> None:
    async with offered(home, machine) as offering:
        reader, writer = await enter(home, machine)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        writer.close()
        await offering


async def test_a_second_visitor_does_not_disturb_the_first(
    home: Home, machine: DummyMachine
) -> None:
    async with offered(home, machine):
        reader, writer = await enter(home, machine)
        writer.write(b"a")
        assert await reader.readexactly(1) == b"a"
        with contextlib.suppress(ConnectionError, FileNotFoundError):
            other, leaving = await enter(home, machine)
            assert await other.read() == b""
            leaving.close()
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        writer.close()


async def test_a_visitor_is_told_when_the_machine_ends(home: Home, machine: DummyMachine) -> None:
    async with offered(home, machine) as offering:
        reader, writer = await enter(home, machine)
        writer.write(b"a")
        await reader.readexactly(1)
        await machine.destroy()
        assert await reader.read() == b""
        await offering
        writer.close()


async def test_nobody_need_come_for_a_machine_that_has_ended(
    home: Home, machine: DummyMachine
) -> None:
    async with offered(home, machine) as offering:
        await machine.destroy()
        await offering


async def test_an_offer_can_be_withdrawn_while_somebody_visits(
    home: Home, machine: DummyMachine
) -> None:
    async with offered(home, machine) as offering:
        reader, writer = await enter(home, machine)
        writer.write(b"a")
        await reader.readexactly(1)
        await stop(offering)
        assert await reader.read() == b""
        writer.close()


async def test_reap_removes_what_a_killed_owner_left_and_spares_the_living(
    home: Home, machine: DummyMachine
) -> None:
    hold = (
        "import sys\n"
        "from pathlib import Path\n"
        "from mayfly.system.owned import owned_folder\n"
        "with owned_folder(Path(sys.argv[1]), 'mayfly-dead') as folder:\n"
        "    (folder / 'shell.sock').touch()\n"
        "    print(flush=True)\n"
        "    sys.stdin.read()\n"
    )
    owner = await start(
        [sys.executable, "-c", hold, str(home.machines)],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert owner.stdout is not None
    await owner.stdout.readline()
    (home.machines / "mayfly-bare").mkdir()  # killed before it had its lock
    async with offered(home, machine):
        assert kept.reap(home) == ["machine mayfly-bare"]
        os.kill(owner.pid, signal.SIGKILL)
        await owner.wait()
        assert kept.reap(home) == ["machine mayfly-dead"]
        assert kept.reap(home) == []
