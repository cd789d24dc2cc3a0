"""Whole runs on dummy machines: what is started, when, and how it ends."""

from pathlib import Path

import pytest
from tests.fleet import Fleet, at_once, make_fleet, plan
from tests.virtual_time import virtual_time

from mayfly.domain.errors import InvalidInput
from mayfly.domain.job import Conclusion, JobState

SUCCESS, FAILURE, CANCELLED = Conclusion.SUCCESS, Conclusion.FAILURE, Conclusion.CANCELLED


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fleet:
    return make_fleet(monkeypatch, tmp_path)


def workflow(jobs: str, head: str = "on: push") -> str:
    """`STEPS` stands for a machine and a step; a job's environment sets the dummy's conduct."""
    body = jobs.replace("STEPS", "runs-on: mayfly-1cpu-1gb\n    steps: [{run: make}]")
    return f"{head}\njobs:\n{body}"


@virtual_time
async def test_a_job_goes_through_its_life(fleet: Fleet) -> None:
    assert await fleet.run(workflow("  a:\n    STEPS")) == [SUCCESS]
    states = ["blocked", "queued", "starting", "running", "succeeded"]
    assert fleet.history("a") == [JobState(state) for state in states]
    assert fleet.log("a") == ["make"]
    assert fleet.job("a").measured is not None
    assert not fleet.driver.alive
