"""A whole fleet in one process, as `mayfly run` makes it, on dummy machines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.workflow.simulation import Run

from mayfly.cli import fleet
from mayfly.domain.architecture import Architecture
from mayfly.domain.events import Event, JobChanged, JobRef, LogLines, RunRef
from mayfly.domain.job import Conclusion, JobState
from mayfly.domain.placement import Capacity
from mayfly.domain.record import JobRecord, Record
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.system.home import Home
from mayfly.workflow.plan import RunPlan

BOTH = frozenset(Architecture)
SMALL = Capacity(Decimal(2), 8192, BOTH)
"""What the host of most tests has; it gives its CPUs out twice."""


async def no_sources(_action: str | None) -> AsyncIterator[bytes]:
    for piece in (b"x" * 1000, b"y" * 500_000):
        yield piece


def plan(text: str, **options: Any) -> RunPlan:
    """A run of this workflow (jobs under `jobs:`) on push; `file` names it."""
    file = options.pop("file", None)
    run = Run(dedent(text), **options).plan
    if file is None:
        return run
    return replace(run, workflow=replace(run.workflow, file=file))


@dataclass
class Fleet:
    """`on_event` is called with each event, to act at that moment."""

    home: Home
    driver: DummyDriver
    events: list[Event] = field(default_factory=list)
    record: Record = field(default_factory=Record)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    on_event: Callable[[Event], None] = lambda event: None
    conclusions: Mapping[RunRef, Conclusion] = field(default_factory=dict)

    def observe(self, event: Event) -> None:
        self.events.append(event)
        self.record.apply(event)
        self.on_event(event)

    async def run(self, *plans: RunPlan | str, **options: Any) -> list[Conclusion]:
        """How the runs ended, in order."""
        given = [plan(one) if isinstance(one, str) else one for one in plans]
        chosen = fleet.FleetOptions(self.home, options.pop("sources", no_sources), **options)
        self.conclusions = await fleet.run_plans(
            given, chosen, self.observe, self.stop, driver=self.driver
        )
        return list(self.conclusions.values())

    def job(self, key: str, run: int = 0) -> JobRecord:
        return list(self.record.runs.values())[run].jobs[key]

    def states(self, run: int = 0) -> dict[str, JobState]:
        jobs = list(self.record.runs.values())[run].jobs
        return {key: job.state for key, job in jobs.items()}

    def history(self, key: str) -> list[JobState]:
        """The states of a job in order, repeated ones once."""
        states: list[JobState] = []
        for event in self.events:
            if isinstance(event, JobChanged) and event.job.key == key:
                states += [event.state] if event.state not in states[-1:] else []
        return states

    def log(self, key: str) -> list[str]:
        return [
            line
            for event in self.events
            if isinstance(event, LogLines) and event.job.key == key
            for line in event.lines
        ]

    def when(self, key: str, state: JobState, act: Callable[[], None]) -> None:
        """Do something at the moment a job gets into a state."""

        def look(event: Event) -> None:
            if isinstance(event, JobChanged) and (event.job.key, event.state) == (key, state):
                act()

        self.on_event = look


def at_once(events: Sequence[Event], refs: Callable[[JobRef], bool] = lambda ref: True) -> int:
    """How many jobs were on a machine at the same time, at most."""
    now: set[JobRef] = set()
    most = 0
    for event in events:
        if isinstance(event, JobChanged) and refs(event.job):
            if event.state in {JobState.STARTING, JobState.RUNNING}:
                now.add(event.job)
            elif event.state.is_final:
                now.discard(event.job)
            most = max(most, len(now))
    return most


def make_fleet(monkeypatch: pytest.MonkeyPatch, folder: Path, capacity: Capacity = SMALL) -> Fleet:
    monkeypatch.setattr(fleet, "host_capacity", lambda: capacity)
    return Fleet(Home(folder), DummyDriver())
