"""`mayfly run` from the command line to the exit code, with a fleet that only plays events."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.cli.clones import clone
from tests.cli.test_selection import request

from mayfly.cli import launch
from mayfly.cli.complaints import Complaints
from mayfly.cli.fleet import FleetOptions
from mayfly.cli.hosting import read_hosting
from mayfly.cli.running import run_command
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput, WorkflowInvalid
from mayfly.domain.events import (
    JobChanged,
    JobRef,
    MachineKept,
    Observer,
    RunFinished,
    RunRef,
    RunStarted,
)
from mayfly.domain.job import Conclusion, JobState
from mayfly.services.config import load_config
from mayfly.system.home import Home
from mayfly.workflow.planned import RunPlan

CI = "on: push\njobs: {build: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n"

Play = Callable[[RunRef, Observer, asyncio.Event], Awaitable[Conclusion]]


def ending(state: JobState, conclusion: Conclusion) -> Play:
    """A run whose one job ends like this."""

    async def play(run: RunRef, observe: Observer, _stop: asyncio.Event) -> Conclusion:
        job = JobRef(run, "build")
        observe(RunStarted(1, run, "ci"))
        observe(JobChanged(2, job, "build", JobState.RUNNING))
        observe(JobChanged(3, job, "build", state))
        observe(RunFinished(4, run, conclusion))
        return conclusion

    return play


class Fleet:
    """Stands in for `run_plans`; remembers what it was asked."""

    def __init__(self, play: Play):
        self._play = play
        self.plans: Sequence[RunPlan] = ()
        self.options: FleetOptions | None = None
        self.cancelled = False

    async def run(
        self,
        plans: Sequence[RunPlan],
        options: FleetOptions,
        observer: Observer,
        stop: asyncio.Event,
    ) -> Mapping[RunRef, Conclusion]:
        self.plans, self.options = plans, options
        try:
            return {
                ref: await self._play(ref, observer, stop)
                for plan in plans
                for ref in [RunRef(plan.workflow.file, plan.architecture)]
            }
        except asyncio.CancelledError:
            self.cancelled = True
            raise


class Lab:
    """Runs `launch` under signals, as `mayfly run` does."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        self.home = Home(tmp_path / "home")
        self._root = tmp_path
        self._monkeypatch = monkeypatch

    def run(
        self,
        play: Play,
        *,
        json: bool = True,
        workflow: str = CI,
        more: Mapping[str, str] | None = None,
        hosting: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> tuple[int, Fleet]:
        fleet = Fleet(play)
        self._monkeypatch.setattr(launch, "run_plans", fleet.run)
        wanted = request(clone(self._root, {"ci.yml": workflow, **(more or {})}), **options)
        config = load_config(self.home)
        machines = {
            "allow_net": (), "no_network": False, "dns": None, "disk": None, "log_limit": None,
            "fit": False, "keep_on_failure": False, **(hosting or {}),
        }  # fmt: skip
        complaints = Complaints()
        chosen = read_hosting(complaints, config, **machines)
        complaints.raise_any()

        async def main(stop: asyncio.Event) -> int:
            return await launch.launch(self.home, config, wanted, chosen, stop, json=json)

        return run_command(main, self.home, graceful=True), fleet


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("state", "conclusion", "exit_code"),
    [
        (JobState.SUCCEEDED, Conclusion.SUCCESS, 0),
        (JobState.SKIPPED, Conclusion.SKIPPED, 0),
        (JobState.FAILED, Conclusion.SUCCESS, 0),  # continue-on-error
        (JobState.FAILED, Conclusion.FAILURE, 1),
        (JobState.TIMED_OUT, Conclusion.FAILURE, 1),
        (JobState.CANCELLED, Conclusion.CANCELLED, 1),
        (JobState.REJECTED, Conclusion.FAILURE, 2),
        (JobState.LOST, Conclusion.FAILURE, 3),
    ],
)
def test_the_exit_code_says_whose_fault_it_was(
    lab: Lab, state: JobState, conclusion: Conclusion, exit_code: int
) -> None:
    assert lab.run(ending(state, conclusion))[0] == exit_code


def test_json_is_all_there_is_on_standard_output(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab.run(ending(JobState.FAILED, Conclusion.FAILURE), arch=["amd64,arm64"])
    lines = documents(capsys.readouterr().out)
    types = [line["type"] for line in lines]
    assert types[:2] == ["run_started", "job_changed"]
    assert types[-2:] == ["parity", "finished"]
    assert lines[-1]["exit_code"] == 1
    assert {line["leg"] for line in lines if "leg" in line} == {"amd64", "arm64"}


def test_the_plain_log_ends_with_the_report(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.run(ending(JobState.SUCCEEDED, Conclusion.SUCCESS), json=False)
    out = capsys.readouterr().out
    assert "ci.yml is started by push" in out
    assert "build  │ ✓ succeeded" in out
    assert "1 job: 1 succeeded" in out


def test_what_was_asked_reaches_the_fleet(lab: Lab) -> None:
    _, fleet = lab.run(
        ending(JobState.SUCCEEDED, Conclusion.SUCCESS),
        arch=["arm64"],
        secrets={"TOKEN": "s"},
        hosting={"disk": 3, "log_limit": 2, "fit": True, "allow_net": ["10.1.2.3:80"]},
    )
    [plan], options = fleet.plans, fleet.options
    assert plan.architecture is Architecture.ARM64
    assert plan.secrets == {"TOKEN": "s"}
    assert options is not None
    assert (options.disk_gib, options.log_limit, options.fit) == (3, 2 << 20, True)
    assert [str(rule.cidr) for rule in options.network.allow] == ["10.1.2.3/32"]


def test_all_that_is_wrong_with_machines_is_told(lab: Lab) -> None:
    with pytest.raises(InvalidInput) as caught:
        lab.run(
            ending(JobState.SUCCEEDED, Conclusion.SUCCESS),
            hosting={"allow_net": ["127.0.0.1", "x"], "dns": "1.2.3"},
        )
    assert len(caught.value.message.splitlines()) == 3


def test_unsupported_things_are_refused_before_anything_starts(lab: Lab) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        lab.run(
            ending(JobState.SUCCEEDED, Conclusion.SUCCESS),
            workflow=CI.replace("{run: make}", "{uses: actions/cache@v4}"),
        )
    [problem] = caught.value.problems
    assert (problem.line, "caches are not supported yet" in problem.message) == (2, True)


def test_of_several_workflows_those_that_can_run_are_named(lab: Lab) -> None:
    cached = CI.replace("{run: make}", "{uses: actions/cache@v4}")
    with pytest.raises(WorkflowInvalid) as caught:
        lab.run(
            ending(JobState.SUCCEEDED, Conclusion.SUCCESS), workflow=cached, more={"ok.yml": CI}
        )
    assert caught.value.remedy == "without such problems is: mayfly run ok.yml"


def test_nothing_to_run_is_an_error(lab: Lab) -> None:
    with pytest.raises(InvalidInput, match="starts no workflow"):
        lab.run(ending(JobState.SUCCEEDED, Conclusion.SUCCESS), event="schedule")


def test_an_error_of_the_fleet_is_passed_on(lab: Lab) -> None:
    async def play(_run: RunRef, _observe: Observer, _stop: asyncio.Event) -> Conclusion:
        raise HostCannot("no room")

    with pytest.raises(HostCannot, match="no room"):
        lab.run(play)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_interrupt_asks_jobs_to_end_in_order(lab: Lab) -> None:
    async def play(run: RunRef, observe: Observer, stop: asyncio.Event) -> Conclusion:
        interrupt()
        await stop.wait()
        return await ending(JobState.CANCELLED, Conclusion.CANCELLED)(run, observe, stop)

    exit_code, fleet = lab.run(play)
    assert exit_code == 130
    assert not fleet.cancelled


def test_before_anything_runs_one_interrupt_is_enough(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reap(_home: Home) -> list[str]:
        interrupt()
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(launch, "reap", reap)
    exit_code, fleet = lab.run(ending(JobState.SUCCEEDED, Conclusion.SUCCESS))
    assert exit_code == 130
    assert fleet.plans == ()


def test_the_second_interrupt_ends_everything_at_once(lab: Lab) -> None:
    async def play(_run: RunRef, _observe: Observer, stop: asyncio.Event) -> Conclusion:
        interrupt()
        await stop.wait()
        interrupt()
        await asyncio.Event().wait()
        return Conclusion.SUCCESS

    exit_code, fleet = lab.run(play)
    assert exit_code == 130
    assert fleet.cancelled


def test_letting_a_kept_machine_go_is_no_interruption(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report comes when the runs have ended, not when the machine has gone."""
    seen: list[str] = []

    async def play(run: RunRef, observe: Observer, stop: asyncio.Event) -> Conclusion:
        observe(RunStarted(1, run, "ci"))
        observe(JobChanged(2, JobRef(run, "build"), "build", JobState.RUNNING))
        observe(MachineKept(3, JobRef(run, "build"), "mayfly-1a2b"))
        await ending(JobState.FAILED, Conclusion.FAILURE)(run, observe, stop)
        while "1 job: 1 failed" not in "".join(seen):
            seen.append(capsys.readouterr().out)
            await asyncio.sleep(0)
        interrupt()
        await stop.wait()
        return Conclusion.FAILURE

    exit_code, _ = lab.run(play, json=False)
    assert exit_code == 1
    assert "mayfly shell mayfly-1a2b" in "".join(seen)


def test_a_reader_that_goes_away_ends_the_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)

    async def play(run: RunRef, observe: Observer, stop: asyncio.Event) -> Conclusion:
        observe(RunStarted(1, run, "ci"))
        await stop.wait()
        return await ending(JobState.CANCELLED, Conclusion.CANCELLED)(run, observe, stop)

    with os.fdopen(writing, "w") as broken, contextlib.suppress(BrokenPipeError):
        monkeypatch.setattr("sys.stdout", broken)
        assert lab.run(play)[0] == 130


def test_the_legs_of_a_workflow_are_told_apart(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    ends: Iterable[tuple[JobState, Conclusion]] = [
        (JobState.SUCCEEDED, Conclusion.SUCCESS),
        (JobState.FAILED, Conclusion.FAILURE),
    ]
    left = iter(ends)

    async def play(run: RunRef, observe: Observer, stop: asyncio.Event) -> Conclusion:
        for _ in range(20):  # time enough to report too early
            await asyncio.sleep(0)
        return await ending(*next(left))(run, observe, stop)

    exit_code, _ = lab.run(play, json=False, arch=["amd64,arm64"])
    out = capsys.readouterr().out
    assert exit_code == 1
    assert "1 difference in 1 job" in out
