"""Workflows in real machines of this host, with images and templates of MAYFLY_HOME."""

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.machines.network.lab import until
from tests.workflow.simulation import Run

from mayfly.agent.main import make_driver
from mayfly.cli import fleet
from mayfly.cli.fleet import FleetOptions, run_plans
from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Event, LogLines, RunRef
from mayfly.domain.job import Conclusion
from mayfly.domain.record import JobRecord, Record
from mayfly.machines.base import MachineSpec
from mayfly.machines.network.ruleset import HOST_LINK_PREFIX, HOST_TABLE
from mayfly.system.home import Home
from mayfly.system.process import run

LABEL = "mayfly-%s-1cpu-1gb"
"""The one size that all these tests use, so that they share a template."""

ACCELERATOR = "accelerator.json"  # what probing KVM found


def spec_of(architecture: Architecture) -> MachineSpec:
    return MachineSpec("default", architecture, vcpus=1, memory_mib=1024)


ProcessId = tuple[int, str]
"""Number and time of start: numbers alone are used again."""


@dataclass
class Outcome:
    """What a run came to, and what of it was on this host meanwhile."""

    record: Record = field(default_factory=Record)
    logs: dict[str, list[str]] = field(default_factory=dict)
    conclusions: Mapping[RunRef, Conclusion] = field(default_factory=dict)
    machines: set[ProcessId] = field(default_factory=set)
    stop_at: str | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def job(self, key: str) -> JobRecord:
        return next(job for job in self.record.jobs if job.ref.key == key)

    def log(self, key: str) -> str:
        return "\n".join(self.logs.get(key, []))

    def observe(self, event: Event) -> None:
        self.record.apply(event)
        if isinstance(event, LogLines):
            lines = self.logs.setdefault(event.job.key, [])
            lines.extend(event.lines if len(lines) < 10_000 else [])
            if self.stop_at in event.lines:
                self.stop.set()
        self.machines |= machines_of_ours()


def machines_of_ours() -> set[ProcessId]:
    """QEMU processes that this process started."""
    return {process for process in children(os.getpid()) if "qemu" in _file(process[0], "comm")}


def children(pid: int) -> set[ProcessId]:
    tasks = Path(f"/proc/{pid}/task")
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for task in list(tasks.iterdir()):
            found |= {
                _process(int(child)) for child in _file(pid, f"task/{task.name}/children").split()
            }
    return found


def descendants(pid: int) -> set[ProcessId]:
    found: set[ProcessId] = set()
    new = children(pid)
    while new:
        found |= new
        new = set().union(*(children(child) for child, _ in new)) - found
    return found


def alive(processes: Iterable[ProcessId]) -> set[ProcessId]:
    """Not those that wait to be reaped, for ever where a container's first process does not."""
    return {
        process for process in processes if _process(process[0]) == process and _runs(process[0])
    }


def _runs(pid: int) -> bool:
    return not _file(pid, "stat").rpartition(")")[2].lstrip().startswith(("Z", "X"))


def assert_nothing_is_left(machines: Iterable[ProcessId]) -> None:
    """A namespace lives as long as its processes and the descriptors that hold it."""
    assert not machines_of_ours()
    assert not alive(machines)
    links = [link.readlink().name for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [link for link in links if link.startswith("net:")]


async def nothing_is_left(home: Home, family: set[ProcessId]) -> None:
    """Of a killed Mayfly and its descendants, but what `reap` removes."""

    async def dead() -> bool:
        return not alive(family)

    await until(dead)
    await fleet.reap(home)
    assert not [path for path in home.machines.iterdir() if path.is_dir()]
    assert not list(home.spool.iterdir())
    assert await fleet.reap(home) == []
    links = [name for _, name in socket.if_nameindex() if name.startswith(HOST_LINK_PREFIX)]
    if not links:  # no other Mayfly is at work on this host
        tables = (await run(["nft", "list", "tables"])).stdout
        assert HOST_TABLE not in tables.split()


def home_beside(home: Home, folder: Path) -> Home:
    """With the images and templates of another, and everything else its own."""
    for shared in (home.images, home.templates):
        (folder / shared.name).symlink_to(shared)
    with contextlib.suppress(FileNotFoundError):  # there was nothing to probe
        shutil.copy(home.root / ACCELERATOR, folder)
    return Home(folder)


def _process(pid: int) -> ProcessId:
    after_name = _file(pid, "stat").rpartition(")")[2].split()
    return pid, after_name[19] if after_name else ""


def _file(pid: int, name: str) -> str:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/{name}").read_text()
    return ""


@pytest.fixture(scope="session")
def home() -> Home:
    return Home.default()


@pytest.fixture(scope="session")
def prepared(home: Home) -> Callable[[Architecture], None]:
    """Makes image and template of an architecture, once a session."""
    done: set[Architecture] = set()

    async def prepare(architecture: Architecture) -> None:
        driver = make_driver(home)
        try:
            await driver.prepare(spec_of(architecture))
        finally:
            await driver.close()

    def once(architecture: Architecture) -> None:
        if architecture not in done:
            asyncio.run(prepare(architecture))
            done.add(architecture)

    return once


async def _no_sources(_action: str | None) -> AsyncIterator[bytes]:
    return
    yield b""


@pytest.fixture(scope="session")
def run_workflow(
    home: Home, prepared: Callable[[Architecture], None]
) -> Iterator[Callable[..., Outcome]]:
    """Runs a workflow (its text) in real machines; options are those of `FleetOptions`.

    With `stop_at` it is interrupted once a job has printed that line.
    """

    def run(text: str, **options: Any) -> Outcome:
        for architecture in Architecture:
            if LABEL % architecture in text:
                prepared(architecture)
        outcome = Outcome(stop_at=options.pop("stop_at", None))

        async def main() -> None:
            chosen = FleetOptions(home, options.pop("sources", _no_sources), **options)
            outcome.conclusions = await run_plans(
                [Run(dedent(text)).plan], chosen, outcome.observe, outcome.stop
            )

        asyncio.run(main())
        return outcome

    yield run
    assert not machines_of_ours()
