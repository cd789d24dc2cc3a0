"""`kill -9` at any moment: what is left goes by itself, or by `reap`."""

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.e2e.conftest import (
    ACCELERATOR,
    LABEL,
    ProcessId,
    alive,
    descendants,
    home_beside,
    nothing_is_left,
)
from tests.machines.network.lab import until

from mayfly.cli import fleet
from mayfly.domain.architecture import Architecture
from mayfly.system.home import Home
from mayfly.system.process import start

pytestmark = pytest.mark.e2e

WORKFLOW = f"""\
on: push
jobs:
  good:
    runs-on: {LABEL % Architecture.AMD64}
    steps: [{{run: 'for i in 1 2 3; do echo $i; sleep 0.3; done'}}]
  bad:
    runs-on: {LABEL % Architecture.AMD64}
    steps: [{{run: echo about to fail}}, {{run: exit 1}}]
  next:
    needs: good
    runs-on: {LABEL % Architecture.AMD64}
    steps: [{{run: 'while :; do echo tick; sleep 0.2; done'}}]
"""
KVM = Path("/dev/kvm")
_EVENTS = 45  # somewhat more than there are until `next` ticks


@dataclass
class Victim:
    """A running Mayfly."""

    process: asyncio.subprocess.Process
    lines: asyncio.StreamReader

    def family(self) -> set[ProcessId]:
        """All its descendants."""
        return descendants(self.process.pid)

    async def kill(self) -> set[ProcessId]:
        """The processes it had."""
        family = self.family()
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        return family


@contextlib.asynccontextmanager
async def victim(home: Home, folder: Path) -> AsyncIterator[Victim]:
    workflow = folder / "workflow.yml"
    workflow.write_text(WORKFLOW)
    root = Path(__file__).parents[2]
    process = await start(
        [sys.executable, "-m", "tests.e2e.killed_run", str(home.root), str(workflow)],
        stdout=asyncio.subprocess.PIPE,
        stderr=None,
        cwd=root,
    )
    assert process.stdout is not None
    try:
        yield Victim(process, process.stdout)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.fixture
def own_home(home: Home, tmp_path: Path, prepared: Callable[[Architecture], None]) -> Home:
    prepared(Architecture.AMD64)
    return home_beside(home, tmp_path)


@pytest.mark.parametrize("seed", range(8))
async def test_killed_at_any_moment(own_home: Home, tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    events = moments.randrange(_EVENTS)
    async with victim(own_home, tmp_path) as mayfly:
        for _ in range(events):
            assert await mayfly.lines.readline()
        await asyncio.sleep(moments.random() / 4)  # also between two events
        family = await mayfly.kill()
    await nothing_is_left(own_home, family)


@pytest.mark.skipif(not KVM.exists(), reason="without /dev/kvm nothing is probed")
async def test_killed_while_kvm_is_probed(own_home: Home, tmp_path: Path) -> None:
    (tmp_path / ACCELERATOR).unlink()
    async with victim(own_home, tmp_path) as mayfly:
        while (await mayfly.lines.readline()).strip() != b"checking the image":
            assert not mayfly.lines.at_eof()
        await until(lambda: _has_children(mayfly))
        family = await mayfly.kill()
    await nothing_is_left(own_home, family)


async def test_killed_while_a_template_is_made(own_home: Home, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.unlink()
    async with victim(own_home, tmp_path) as mayfly:
        while (await mayfly.lines.readline()).strip() != b"booting":
            assert not mayfly.lines.at_eof()
        await until(lambda: _has_children(mayfly))
        assert list(templates.glob(".building-*"))
        family = await mayfly.kill()

    await until(lambda: _all_dead(family))
    assert any("unfinished template" in line for line in await fleet.reap(own_home))
    assert not list(templates.glob(".building-*"))
    await nothing_is_left(own_home, family)


async def test_killed_while_machines_are_kept(own_home: Home, tmp_path: Path) -> None:
    async with victim(own_home, tmp_path) as mayfly:
        while (await mayfly.lines.readline()).strip() != b"MachineKept":
            assert not mayfly.lines.at_eof()
        await until(lambda: _has_socket(own_home))
        family = await mayfly.kill()
    await nothing_is_left(own_home, family)


async def _has_children(mayfly: Victim) -> bool:
    return bool(mayfly.family())


async def _all_dead(family: set[ProcessId]) -> bool:
    return not alive(family)


async def _has_socket(home: Home) -> bool:
    return bool(list(home.machines.glob("*/shell.sock")))


async def test_reaping_spares_a_living_mayfly(own_home: Home, tmp_path: Path) -> None:
    async with victim(own_home, tmp_path) as mayfly:
        while (await mayfly.lines.readline()).strip() != b"running":
            assert not mayfly.lines.at_eof()
        await fleet.reap(own_home)
        while (await mayfly.lines.readline()).strip() != b"succeeded":
            assert not mayfly.lines.at_eof()
        family = await mayfly.kill()
    await nothing_is_left(own_home, family)
