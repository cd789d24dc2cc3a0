"""Whatever the workflow and however its jobs end: every run ends, and nothing is exceeded."""

import asyncio
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fleet import BOTH, Fleet, make_fleet, plan
from tests.virtual_time import cancelled_at_every_turn, run_virtual

from mayfly.domain.events import Event, JobChanged, RunFinished
from mayfly.domain.job import JobState
from mayfly.domain.placement import Capacity
from mayfly.machines.base import MachineSpec

NAMES = ["a", "b", "c", "d", "e"]
CONDUCTS = ["succeeds", "succeeds", "succeeds", "fails", "dies", "crashes", "garbage", "times_out"]
SIZES = ["mayfly-0.5cpu-1gb", "mayfly-1cpu-1gb", "mayfly-arm64-2cpu-4gb", "mayfly-4cpu-4gb"]
GROUPS = st.fixed_dictionaries(
    {"group": st.sampled_from(["g", "h"]), "cancel-in-progress": st.booleans()}
)


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for index, name in enumerate(NAMES[: draw(st.integers(1, 5))]):
        job: dict[str, Any] = {
            "runs-on": draw(st.sampled_from(SIZES)),
            "env": {
                "DUMMY": draw(st.sampled_from(CONDUCTS)),
                "DUMMY_SECONDS": str(draw(st.integers(0, 3))),
            },
            "steps": [{"run": "make"}, {"if": "always()", "run": "tidy"}],
        }
        if index:
            job["needs"] = draw(st.lists(st.sampled_from(NAMES[:index]), unique=True))
        if draw(st.booleans()):
            job["if"] = draw(st.sampled_from(["always()", "failure()", "cancelled()", "success()"]))
        if draw(st.booleans()):
            job["strategy"] = {
                "matrix": {"n": list(range(draw(st.integers(1, 3))))},
                "fail-fast": draw(st.booleans()),
                "max-parallel": draw(st.integers(1, 3)),
            }
        if draw(st.booleans()):
            job["concurrency"] = draw(GROUPS)
        found[name] = job
    return found


@st.composite
def workflows(draw: st.DrawFn) -> str:
    top: dict[str, Any] = {"on": "push", "jobs": draw(jobs())}
    if draw(st.booleans()):
        top["concurrency"] = draw(GROUPS)
    return yaml.safe_dump(top, sort_keys=False)


@pytest.fixture(name="fleets")
def _fleets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        yield lambda capacity: make_fleet(monkeypatch, Path(folder), capacity)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(workflows(), min_size=1, max_size=3),
    interrupt_after=st.none() | st.integers(0, 40),
    cpu=st.sampled_from(["1", "2", "3"]),
    memory=st.sampled_from([2048, 6144]),
)
def test_every_run_ends_within_capacity(
    fleets: Any, texts: list[str], interrupt_after: int | None, cpu: str, memory: int
) -> None:
    fleet: Fleet = fleets(Capacity(Decimal(cpu), memory, BOTH))
    room = Capacity(Decimal(cpu) * 2, memory, BOTH)

    def look(_event: Event) -> None:
        _within(room, list(fleet.driver.alive.values()))
        if interrupt_after is not None and len(fleet.events) > interrupt_after:
            fleet.stop.set()

    fleet.on_event = look
    plans = [plan(text, file=f"{number}.yml") for number, text in enumerate(texts)]
    run_virtual(lambda: fleet.run(*plans))
    assert all(state.is_final for run in range(len(plans)) for state in fleet.states(run).values())
    assert sum(isinstance(event, RunFinished) for event in fleet.events) == len(plans)
    assert not fleet.driver.alive
    _only_forward(fleet.events)


def _within(room: Capacity, machines: list[MachineSpec]) -> None:
    assert sum(machine.memory_mib for machine in machines) <= room.memory_mib
    # Half a CPU is one vCPU here, so this is what the shares come to at least.
    assert sum(machine.vcpus for machine in machines) <= room.cpu * 2


def _only_forward(events: list[Event]) -> None:
    ranks: dict[object, JobState] = {}
    for event in events:
        if isinstance(event, JobChanged):
            before = ranks.get(event.job)
            assert before is None or event.state.rank >= before.rank, event
            assert before is None or not before.is_final, event
            ranks[event.job] = event.state


TEXT = """\
on: push
jobs:
  a:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: 1}
    steps: [{uses: actions/checkout@v4}, {run: make}]
  b:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY: fails}
    steps: [{run: make}]
  c:
    needs: b
    if: always()
    runs-on: mayfly-1cpu-1gb
    steps: [{run: make}]
"""


@pytest.mark.parametrize(("times", "keep"), [(1, False), (3, True)])
def test_cancelled_at_any_moment_a_fleet_leaves_nothing(
    fleets: Any, times: int, keep: bool
) -> None:
    made: list[Fleet] = []

    async def work() -> None:
        fleet: Fleet = fleets(Capacity(Decimal(2), 8192, BOTH))
        fleet.driver.faults.prepare_s = fleet.driver.faults.start_s = 1.0
        made.append(fleet)
        if keep:
            asyncio.get_running_loop().call_later(100, fleet.stop.set)
        await fleet.run(TEXT, keep_on_failure=keep)

    def check() -> None:
        fleet = made[-1]
        assert not fleet.driver.alive
        assert fleet.driver.closed
        assert not [path for path in fleet.home.machines.iterdir() if path.is_dir()]

    assert cancelled_at_every_turn(work, check, times=times) > 50
