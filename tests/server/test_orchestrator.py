"""Whole runs on dummy machines: what is started, when, and how it ends."""

import asyncio
from pathlib import Path

import pytest
from tests.fleet import Fleet, at_once, make_fleet, plan
from tests.virtual_time import virtual_time

from mayfly.domain.errors import InvalidInput
from mayfly.domain.events import JobChanged, JobRemoved
from mayfly.domain.job import Conclusion, JobState
from mayfly.machines.base import MachineSpec

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
    states = ["blocked", "queued", "assigned", "starting", "running", "succeeded"]
    assert fleet.history("a") == [JobState(state) for state in states]
    assert fleet.log("a") == ["make"]
    assert fleet.job("a").measured is not None
    assert not fleet.driver.alive


@virtual_time
async def test_a_job_waits_for_those_it_needs(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    env: {DUMMY_SECONDS: 5}
    STEPS
  b:
    needs: a
    STEPS
""")
    assert await fleet.run(text) == [SUCCESS]
    assert at_once(fleet.events) == 1
    assert fleet.history("b")[-1] is JobState.SUCCEEDED


@virtual_time
async def test_jobs_that_need_nothing_run_side_by_side(fleet: Fleet) -> None:
    jobs = [f"  j{number}:\n    env: {{DUMMY_SECONDS: 5}}\n    STEPS\n" for number in range(3)]
    assert await fleet.run(workflow("".join(jobs))) == [SUCCESS]
    assert at_once(fleet.events) == 3


@virtual_time
async def test_a_matrix_comes_from_outputs(fleet: Fleet) -> None:
    text = workflow("""\
  list:
    outputs: {names: '["x","y"]'}
    STEPS
  each:
    needs: list
    strategy: {matrix: {name: '${{ fromJSON(needs.list.outputs.names) }}'}}
    STEPS
""")
    assert await fleet.run(text) == [SUCCESS]
    assert set(fleet.states()) == {"list", "each (x)", "each (y)"}
    removed = [event.job.key for event in fleet.events if isinstance(event, JobRemoved)]
    assert removed == ["each"]


@virtual_time
async def test_fail_fast_cancels_running_and_queued_combinations(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    strategy:
      matrix:
        include:
          - {conduct: fails, seconds: 1}
          - {conduct: succeeds, seconds: 100}
          - {conduct: succeeds, seconds: 101}
          - {conduct: succeeds, seconds: 102}
          - {conduct: succeeds, seconds: 103}
          - {conduct: succeeds, seconds: 104}
    env: {DUMMY: '${{ matrix.conduct }}', DUMMY_SECONDS: '${{ matrix.seconds }}'}
    STEPS
""")
    assert await fleet.run(text) == [FAILURE]
    assert at_once(fleet.events) == 4  # so two were queued when one failed
    states = list(fleet.states().values())
    assert states == [JobState.FAILED, *[JobState.CANCELLED] * 5]
    assert fleet.job("a (succeeds, 100)").reason == "another job failed"


@virtual_time
async def test_a_run_ends_when_all_that_was_left_was_queued_and_is_cancelled(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    runs-on: mayfly-1cpu-8gb
    strategy: {matrix: {conduct: [fails, succeeds]}}
    env: {DUMMY: '${{ matrix.conduct }}', DUMMY_SECONDS: 3}
    steps: [{run: make}]
""")
    assert await fleet.run(text) == [FAILURE]
    assert fleet.states() == {"a (fails)": JobState.FAILED, "a (succeeds)": JobState.CANCELLED}


@virtual_time
async def test_without_fail_fast_the_others_go_on(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    strategy: {fail-fast: false, matrix: {conduct: [dies, succeeds]}}
    env: {DUMMY: '${{ matrix.conduct }}', DUMMY_SECONDS: 3}
    STEPS
""")
    assert await fleet.run(text) == [FAILURE]
    assert list(fleet.states().values()) == [JobState.FAILED, JobState.SUCCEEDED]


@virtual_time
async def test_max_parallel_holds(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    strategy: {max-parallel: 2, matrix: {n: [1, 2, 3, 4]}}
    env: {DUMMY_SECONDS: 3}
    STEPS
""")
    assert await fleet.run(text) == [SUCCESS]
    assert at_once(fleet.events) == 2


CALLED = """\
on:
  workflow_call:
    inputs: {name: {type: string}}
    outputs: {made: {value: '${{ jobs.make.outputs.made }}'}}
jobs:
  make:
    runs-on: mayfly-1cpu-1gb
    outputs: {made: 'thing of ${{ inputs.name }}'}
    steps: [{run: 'make ${{ inputs.name }}'}]
"""


@virtual_time
async def test_a_called_workflow_gives_its_outputs(fleet: Fleet) -> None:
    text = """\
on: push
jobs:
  call:
    uses: ./.github/workflows/called.yml
    with: {name: x}
  use:
    needs: call
    runs-on: mayfly-1cpu-1gb
    steps: [{run: 'use ${{ needs.call.outputs.made }}'}]
"""
    called = {".github/workflows/called.yml": CALLED}
    assert await fleet.run(plan(text, called=called)) == [SUCCESS]
    assert fleet.states()["call / make"] is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("conduct", "state", "reason"),
    [
        ("fails", JobState.FAILED, None),
        ("times_out", JobState.TIMED_OUT, None),
        ("dies", JobState.FAILED, "the job ended its machine or its runner\npower off"),
        ("crashes", JobState.LOST, "the machine failed\nthe dummy crashed"),
        ("garbage", JobState.FAILED, "the runner broke the protocol: unknown frame kind 255"),
    ],
)
def test_one_jobs_bad_end_leaves_the_others_alone(
    fleet: Fleet, conduct: str, state: JobState, reason: str | None
) -> None:
    @virtual_time
    async def check() -> None:
        text = workflow(f"""\
  bad:
    env: {{DUMMY: {conduct}}}
    STEPS
  good:
    env: {{DUMMY_SECONDS: 9}}
    STEPS
  after:
    needs: bad
    STEPS
  anyway:
    needs: bad
    if: always()
    STEPS
""")
        assert await fleet.run(text) == [FAILURE]
        assert fleet.job("bad").state is state
        assert fleet.job("bad").reason == reason
        assert fleet.job("good").state is JobState.SUCCEEDED
        assert fleet.job("after").state is JobState.SKIPPED
        assert fleet.job("anyway").state is JobState.SUCCEEDED
        assert not fleet.driver.alive

    check()


@virtual_time
async def test_a_job_for_another_system_counts_as_skipped(fleet: Fleet) -> None:
    text = workflow("""\
  mac:
    runs-on: macos-latest
    steps: [{run: make}]
  anyway:
    needs: mac
    if: always() && needs.mac.result == 'skipped'
    STEPS
""")
    assert await fleet.run(text) == [SUCCESS]
    assert fleet.job("anyway").state is JobState.SUCCEEDED


@virtual_time
async def test_a_rejected_job_that_may_fail_does_not_stop_the_others(fleet: Fleet) -> None:
    text = workflow("""\
  bad:
    runs-on: mayfly-8cpu-64gb
    continue-on-error: true
    steps: [{run: make}]
  next:
    needs: bad
    STEPS
""")
    assert await fleet.run(text) == [SUCCESS]
    assert fleet.job("bad").state is JobState.REJECTED
    assert fleet.job("next").state is JobState.SUCCEEDED


@virtual_time
async def test_what_no_host_can_serve_is_rejected_with_the_nearest_size(fleet: Fleet) -> None:
    text = workflow("  big:\n    runs-on: mayfly-arm64-8cpu-64gb\n    steps: [{run: make}]")
    assert await fleet.run(text) == [FAILURE]
    assert fleet.job("big").state is JobState.REJECTED
    assert fleet.job("big").reason == (
        "no host can serve it: it needs 8 vCPU (there are 2) and 65536 MiB of memory "
        "(there are 8192); the nearest that fits is mayfly-arm64-2cpu-8gb (--fit takes it)"
    )


@virtual_time
async def test_fit_takes_the_nearest_size(fleet: Fleet) -> None:
    text = workflow("  big:\n    runs-on: mayfly-8cpu-64gb\n    steps: [{run: make}]")
    sizes: list[MachineSpec] = []
    fleet.when("big", JobState.RUNNING, lambda: sizes.extend(fleet.driver.alive.values()))
    assert await fleet.run(text, fit=True) == [SUCCESS]
    assert [(size.vcpus, size.memory_mib) for size in sizes] == [(2, 8192)]


@virtual_time
async def test_a_job_for_any_architecture_says_which_it_got(fleet: Fleet) -> None:
    text = workflow("  a:\n    runs-on: mayfly-any\n    steps: [{run: make}]")
    specs: list[MachineSpec] = []
    fleet.when("a", JobState.RUNNING, lambda: specs.extend(fleet.driver.alive.values()))
    assert await fleet.run(text) == [SUCCESS]
    assert fleet.job("a").architecture is specs[0].architecture


# --- interruption --------------------------------------------------------------------------------


@virtual_time
async def test_an_interrupt_lets_steps_clean_up_and_starts_nothing_new(fleet: Fleet) -> None:
    text = workflow("""\
  a:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: 10}
    steps: [{run: build}, {run: test}, {if: always(), run: tidy}]
  queued:
    runs-on: mayfly-2cpu-8gb
    steps: [{run: make}]
  next:
    needs: a
    if: always()
    STEPS
""")
    fleet.when("a", JobState.RUNNING, fleet.stop.set)
    assert await fleet.run(text) == [CANCELLED]
    assert fleet.log("a") == ["build", "tidy"]
    assert fleet.states() == dict.fromkeys(["a", "queued", "next"], JobState.CANCELLED)
    assert fleet.job("queued").reason == "interrupted"


@virtual_time
async def test_an_interrupt_with_nothing_but_queued_jobs_ends_the_run(fleet: Fleet) -> None:
    fleet.when("a", JobState.QUEUED, fleet.stop.set)
    assert await fleet.run(workflow("  a:\n    STEPS")) == [CANCELLED]
    assert not fleet.driver.alive


@virtual_time
async def test_an_interrupt_before_the_start_starts_nothing(fleet: Fleet) -> None:
    fleet.stop.set()
    assert await fleet.run(workflow("  a:\n    STEPS")) == [CANCELLED]
    assert JobState.STARTING not in fleet.history("a")


@pytest.mark.parametrize("phase", ["prepare_s", "start_s"])
def test_an_interrupt_does_not_wait_for_a_machine_to_be_made(fleet: Fleet, phase: str) -> None:
    @virtual_time
    async def check() -> None:
        setattr(fleet.driver.faults, phase, 10_000.0)
        fleet.when("a", JobState.STARTING, fleet.stop.set)
        assert await fleet.run(workflow("  a:\n    STEPS")) == [CANCELLED]
        assert fleet.job("a").reason == "interrupted"

    check()


@virtual_time
async def test_a_deaf_job_is_ended_after_its_grace(fleet: Fleet) -> None:
    text = workflow("  a:\n    env: {DUMMY: deaf}\n    STEPS")
    fleet.when("a", JobState.RUNNING, fleet.stop.set)
    assert await fleet.run(text, cancel_grace_s=7) == [CANCELLED]
    assert fleet.job("a").reason == "cancelled; the job did not end within its grace"
    assert not fleet.driver.alive


# --- concurrency groups --------------------------------------------------------------------------

GROUP = """\
on: push
concurrency: {group: g, cancel-in-progress: %s}
jobs:
  a:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: 5}
    steps: [{run: make}]
  tidy:
    needs: a
    if: always()
    runs-on: mayfly-1cpu-1gb
    steps: [{run: tidy}]
"""


@virtual_time
async def test_one_run_of_a_group_waits_for_another(fleet: Fleet) -> None:
    runs = [plan(GROUP % "false", file=name) for name in ("1.yml", "2.yml")]
    assert await fleet.run(*runs) == [SUCCESS, SUCCESS]
    assert at_once(fleet.events) == 1


@virtual_time
async def test_a_third_run_takes_the_place_of_the_one_that_waits(fleet: Fleet) -> None:
    runs = [plan(GROUP % "false", file=name) for name in ("1.yml", "2.yml", "3.yml")]
    assert await fleet.run(*runs) == [SUCCESS, CANCELLED, SUCCESS]
    assert fleet.states(1) == {"a": JobState.CANCELLED, "tidy": JobState.CANCELLED}
    assert fleet.job("a", 1).reason == "a newer one entered concurrency group 'g'"


@virtual_time
async def test_cancel_in_progress_ends_the_run_that_has_the_group(fleet: Fleet) -> None:
    runs = [plan(GROUP % "true", file=name) for name in ("1.yml", "2.yml")]
    assert await fleet.run(*runs) == [CANCELLED, SUCCESS]
    assert fleet.states(0) == {"a": JobState.CANCELLED, "tidy": JobState.SUCCEEDED}


@virtual_time
async def test_a_job_that_comes_late_cancels_the_run_that_has_its_group(fleet: Fleet) -> None:
    holder = workflow("  a:\n    env: {DUMMY_SECONDS: 1000}\n    STEPS", "on: push\nconcurrency: g")
    other = workflow("""\
  first:
    env: {DUMMY_SECONDS: 3}
    STEPS
  second:
    needs: first
    concurrency: {group: g, cancel-in-progress: true}
    STEPS
""")
    plans = [plan(holder, file="1.yml"), plan(other, file="2.yml")]
    assert await fleet.run(*plans) == [CANCELLED, SUCCESS]
    assert fleet.job("a").reason == "a newer one entered concurrency group 'g'"
    assert asyncio.get_running_loop().time() < 10


@virtual_time
async def test_jobs_of_a_group_run_one_at_a_time(fleet: Fleet) -> None:
    job = "    concurrency: g\n    env: {DUMMY_SECONDS: 5}\n    STEPS\n"
    assert await fleet.run(workflow(f"  a:\n{job}  b:\n{job}")) == [SUCCESS]
    assert at_once(fleet.events) == 1
    assert fleet.history("b").count(JobState.QUEUED) == 1


@virtual_time
async def test_a_third_job_of_a_group_takes_the_place_of_the_one_that_waits(fleet: Fleet) -> None:
    job = "    concurrency: g\n    env: {DUMMY_SECONDS: 5}\n    STEPS\n"
    assert await fleet.run(workflow(f"  a:\n{job}  b:\n{job}  c:\n{job}")) == [CANCELLED]
    states = [JobState.SUCCEEDED, JobState.CANCELLED, JobState.SUCCEEDED]
    assert list(fleet.states().values()) == states


@virtual_time
async def test_with_queue_max_all_jobs_of_a_group_get_their_turn(fleet: Fleet) -> None:
    job = "    concurrency: {group: g, queue: max}\n    env: {DUMMY_SECONDS: 5}\n    STEPS\n"
    assert await fleet.run(workflow(f"  a:\n{job}  b:\n{job}  c:\n{job}")) == [SUCCESS]
    assert at_once(fleet.events) == 1


@virtual_time
async def test_a_call_holds_its_group_until_all_its_jobs_ended(fleet: Fleet) -> None:
    called = """\
on: workflow_call
jobs:
  one:
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: 5}
    steps: [{run: make}]
  two:
    needs: one
    runs-on: mayfly-1cpu-1gb
    env: {DUMMY_SECONDS: 5}
    steps: [{run: make}]
"""
    call = "    concurrency: g\n    uses: ./.github/workflows/called.yml\n"
    text = f"on: push\njobs:\n  a:\n{call}  b:\n{call}"
    given = plan(text, called={".github/workflows/called.yml": called})
    assert await fleet.run(given) == [SUCCESS]
    running = [
        event.job.key
        for event in fleet.events
        if isinstance(event, JobChanged) and event.state is JobState.RUNNING
    ]
    assert running == ["a / one", "a / two", "b / one", "b / two"]


@virtual_time
async def test_a_job_that_waits_for_its_own_run_is_rejected(fleet: Fleet) -> None:
    text = workflow("  a:\n    concurrency: G\n    STEPS", "on: push\nconcurrency: g")
    assert await fleet.run(text) == [FAILURE]
    assert fleet.job("a").reason == (
        "it would wait for ever: its own run holds concurrency group 'G'"
    )


@virtual_time
async def test_of_runs_that_wait_for_each_others_groups_one_is_rejected(fleet: Fleet) -> None:
    def crossed(own: str, wanted: str) -> str:
        jobs = f"  first:\n    STEPS\n  a:\n    needs: first\n    concurrency: {wanted}\n    STEPS"
        return workflow(jobs, f"on: push\nconcurrency: {own}")

    runs = [plan(crossed("g", "h"), file="1.yml"), plan(crossed("h", "g"), file="2.yml")]
    assert sorted(await fleet.run(*runs)) == sorted([FAILURE, SUCCESS])
    reasons = {fleet.job("a", run=number).reason for number in range(2)}
    why = "it would wait for ever: who holds concurrency group '{}' waits for its run"
    assert reasons in ({None, why.format("g")}, {None, why.format("h")})


@virtual_time
async def test_an_interrupt_ends_runs_that_wait_for_a_group(fleet: Fleet) -> None:
    runs = [plan(GROUP % "false", file=name) for name in ("1.yml", "2.yml")]
    fleet.when("a", JobState.RUNNING, fleet.stop.set)
    assert await fleet.run(*runs) == [CANCELLED, CANCELLED]


# --- what is ours to fail ------------------------------------------------------------------------


@virtual_time
async def test_a_run_that_is_wrong_as_a_whole_starts_nothing(fleet: Fleet) -> None:
    wrong = workflow("  a:\n    STEPS", "on: push\nrun-name: ${{ fromJSON('{') }}")
    with pytest.raises(InvalidInput):
        await fleet.run(workflow("  a:\n    STEPS"), plan(wrong, file="wrong.yml"))
    assert fleet.events == []


def fail() -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SUCCEEDED])
def test_a_view_that_breaks_where_nothing_could_say_so_ends_the_run(
    fleet: Fleet, state: JobState
) -> None:
    @virtual_time
    async def check() -> None:
        fleet.when("a", state, fail)
        with pytest.raises(ZeroDivisionError):
            await fleet.run(workflow("  a:\n    STEPS"))
        assert not fleet.driver.alive

    check()


@pytest.mark.parametrize("state", [JobState.STARTING, JobState.RUNNING])
def test_a_defect_while_a_job_runs_costs_that_job(fleet: Fleet, state: JobState) -> None:
    @virtual_time
    async def check() -> None:
        fleet.when("a", state, fail)
        assert await fleet.run(workflow("  a:\n    STEPS\n  b:\n    STEPS")) == [FAILURE]
        assert fleet.states() == {"a": JobState.LOST, "b": JobState.SUCCEEDED}
        assert fleet.job("a").reason == "a defect of Mayfly ended it; see its log"

    check()


@virtual_time
async def test_a_view_that_breaks_on_interrupt_ends_the_run_with_its_error(fleet: Fleet) -> None:
    text = workflow("  a:\n    env: {DUMMY_SECONDS: 9}\n    STEPS\n  b:\n    needs: a\n    STEPS")

    def interrupt() -> None:
        fleet.when("b", JobState.CANCELLED, fail)
        fleet.stop.set()

    fleet.when("a", JobState.RUNNING, interrupt)
    with pytest.raises(ZeroDivisionError):
        await fleet.run(text)
    assert not fleet.driver.alive
