"""The fleet in one process: real runners in folders, kept machines, interruption, reaping."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.fleet import SMALL, Fleet, make_fleet, plan
from tests.virtual_time import virtual_time

from mayfly.agent.kept import shell_socket
from mayfly.agent.main import host_capacity
from mayfly.cli import fleet as fleets
from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Event, MachineKept
from mayfly.domain.job import Conclusion, JobState
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.dummy.real import RealRunner
from mayfly.system.tasks import stop

SUCCESS, FAILURE, CANCELLED = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.CANCELLED

REAL = """\
on: push
jobs:
  make:
    runs-on: mayfly-1cpu-1gb
    outputs: {word: '${{ steps.say.outputs.word }}'}
    steps:
      - {id: say, run: 'echo word=mayfly >> $GITHUB_OUTPUT'}
  use:
    needs: make
    runs-on: mayfly-1cpu-1gb
    steps:
      - {run: 'echo the word is ${{ needs.make.outputs.word }}'}
      - {run: exit 3}
"""


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fleet:
    return make_fleet(monkeypatch, tmp_path)


async def test_real_runners_run_a_workflow_from_end_to_end(fleet: Fleet, tmp_path: Path) -> None:
    folder = tmp_path / "guests"
    folder.mkdir()
    fleet.driver = DummyDriver(RealRunner(folder), folder=folder)
    assert await fleet.run(REAL) == [FAILURE]
    assert fleet.states() == {"make": JobState.SUCCEEDED, "use": JobState.FAILED}
    assert "the word is mayfly" in fleet.log("use")
    failed = fleet.job("use").failed_steps
    assert [step.exit_code for step in failed] == [3]
    assert [path for path in folder.iterdir() if path.is_dir()] == []


FAILING = """\
on: push
jobs:
  bad:
    runs-on: mayfly-1cpu-8gb
    env: {DUMMY: fails}
    steps: [{run: make}]
  other:
    runs-on: mayfly-1cpu-8gb
    steps: [{run: make}]
"""


async def test_a_kept_machine_makes_room_when_its_shell_is_left(fleet: Fleet) -> None:
    """Also for jobs that wait: so shells are offered while the run goes on."""
    kept = asyncio.Event()

    def look(event: Event) -> None:
        if isinstance(event, MachineKept):
            kept.set()

    fleet.on_event = look
    running = asyncio.create_task(fleet.run(FAILING, keep_on_failure=True))
    await kept.wait()
    machine = fleet.job("bad").machine
    assert machine is not None
    while not shell_socket(fleet.home, machine).exists():  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0)
    assert fleet.job("other").state is JobState.QUEUED
    reader, writer = await asyncio.open_unix_connection(shell_socket(fleet.home, machine))
    writer.write(b"look around")
    assert await reader.readexactly(11) == b"look around"
    writer.close()
    assert await running == [FAILURE]
    assert fleet.job("other").state is JobState.SUCCEEDED
    assert not fleet.driver.alive
    assert not shell_socket(fleet.home, machine).parent.exists()


async def test_a_stop_ends_the_wait_for_visitors(fleet: Fleet) -> None:
    fleet.when("other", JobState.SUCCEEDED, fleet.stop.set)
    text = FAILING.replace("8gb", "1gb")
    assert await fleet.run(text, keep_on_failure=True) == [FAILURE]
    assert not fleet.driver.alive


@virtual_time
async def test_both_legs_of_a_workflow_run_side_by_side(fleet: Fleet) -> None:
    text = "on: push\njobs: {a: {runs-on: mayfly-1cpu-1gb, steps: [{run: make}]}}"
    legs = [plan(text, architecture=architecture) for architecture in Architecture]
    assert await fleet.run(*legs) == [SUCCESS, SUCCESS]
    assert [ref.leg for ref in fleet.conclusions] == list(Architecture)
    assert [fleet.job("a", run).architecture for run in (0, 1)] == list(Architecture)


@virtual_time
async def test_an_endless_job_is_held_to_the_log_limit(fleet: Fleet) -> None:
    text = """\
on: push
jobs:
  a:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY: endless}
    steps: [{run: make}]
"""
    assert await fleet.run(text, log_limit=1024 * 1024) == [FAILURE]
    assert fleet.job("a").reason == "the job printed more than 1 MiB: the limit of a job's log"
    assert 300_000 < len(fleet.log("a")) < 600_000


@virtual_time
async def test_a_checkout_is_answered_from_the_sources(fleet: Fleet) -> None:
    asked: list[str | None] = []

    async def sources(action: str | None) -> AsyncIterator[bytes]:
        asked.append(action)
        yield b"x" * 10

    text = """\
on: push
jobs:
  a:
    runs-on: mayfly-1cpu-1gb
    steps: [{uses: actions/checkout@v4}]
"""
    assert await fleet.run(text, sources=sources) == [SUCCESS]
    assert asked == [None]
    assert fleet.log("a")[0] == "source of 10 bytes"


@virtual_time
async def test_cancelling_the_call_ends_everything_at_once(fleet: Fleet) -> None:
    text = "on: push\njobs: {a: {runs-on: mayfly, env: {DUMMY: deaf}, steps: [{run: make}]}}"
    running = asyncio.create_task(fleet.run(text))
    await asyncio.sleep(5)
    assert fleet.states() == {"a": JobState.RUNNING}
    before = asyncio.get_running_loop().time()
    await stop(running)
    assert asyncio.get_running_loop().time() == before
    assert running.cancelled()
    assert fleet.states() == {"a": JobState.CANCELLED}
    assert not fleet.driver.alive
    assert fleet.driver.closed


@virtual_time
async def test_no_plans_are_done_at_once(fleet: Fleet) -> None:
    assert await fleet.run() == []
    assert fleet.driver.closed


async def test_reap_removes_what_dead_owners_left(fleet: Fleet) -> None:
    home = fleet.home
    (home.machines / "mayfly-dead").mkdir()
    (home.templates / ".building-dead").mkdir()
    (home.images / ".building-dead").mkdir()
    (home.images / ".building-dead" / "owner").touch()
    (home.spool / "work-dead").mkdir()
    gone = await fleets.reap(home)
    assert [line for line in gone if "nftables" not in line] == [
        "machine mayfly-dead",
        "unfinished image build .building-dead",
        "unfinished template .building-dead",
        f"unfinished work work-dead in {home.spool}",
    ]
    assert [line for line in await fleets.reap(home) if "nftables" not in line] == []


def test_the_host_says_what_it_can_serve() -> None:
    capacity = host_capacity()
    assert capacity.cpu >= 1
    assert capacity.memory_mib > 0
    assert SMALL.architectures >= capacity.architectures
