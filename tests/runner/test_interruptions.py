"""Cancelling, running out of time, and processes that do not end when they should."""

import contextlib
import os
import select
from collections.abc import Callable
from pathlib import Path

from tests.runner.harness import Done, Host, run_job, runner, spec_of, step

from mayfly.protocol.messages import JobFinished
from mayfly.runner.process import Patience

QUICK = Patience(interrupt_s=0.2, terminate_s=0.2)
FOREVER = "echo running; exec sleep 1000"


def cancel_when_running(host: Host, then: Callable[[], None] = lambda: None) -> None:
    """Cancel at the first output of the first step, after its header."""

    def on_log(number: int, data: bytes) -> None:
        if number == 1 and b"running\n" in data.rpartition(b"##[endgroup]\n")[2]:
            host.on_log = lambda number, data: None
            host.cancel()
            then()

    host.on_log = on_log


def cancelled(tmp_path: Path, *scripts_and_conditions: tuple[str, str | None]) -> Done:
    steps = [step(script, condition=condition) for script, condition in scripts_and_conditions]
    return run_job(tmp_path, *steps, prepare=cancel_when_running, patience=QUICK)


def test_cancelling_stops_the_step_and_runs_what_always_runs(tmp_path: Path) -> None:
    done = cancelled(
        tmp_path,
        (FOREVER, None),
        ("echo no", None),
        ("echo no", "failure()"),
        ("echo cleaned ${{ job.status }}", "always()"),
        ("echo told", "cancelled()"),
    )
    assert done.outcomes == ["cancelled", "skipped", "skipped", "success", "success"]
    assert done.log(4) == "cleaned cancelled\n"
    assert done.finished.conclusion == "cancelled"
    assert not done.finished.timed_out


def test_a_step_that_always_runs_is_not_stopped(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    script = f"echo running; while [ ! -e {go_on} ]; do sleep 0.01; done; echo finished"

    def prepare(host: Host) -> None:
        cancel_when_running(host, then=go_on.touch)

    steps = (step(script, condition="always()"), step("echo no"))
    done = run_job(tmp_path, *steps, prepare=prepare, patience=QUICK)
    assert done.log() == "running\nfinished\n"
    assert done.outcomes == ["success", "skipped"]
    assert done.finished.conclusion == "cancelled"


def test_a_step_may_clean_up_when_interrupted(tmp_path: Path) -> None:
    script = "trap 'echo cleaning; exit 3' INT; echo running; while :; do sleep 0.05; done"
    done = cancelled(tmp_path, (script, None))
    assert "cleaning\n" in done.log()
    assert done.outcomes == ["cancelled"]


def test_a_step_that_ignores_signals_is_killed(tmp_path: Path) -> None:
    script = "trap '' INT TERM; echo running; while :; do sleep 0.05; done"
    done = cancelled(tmp_path, (script, None))
    assert done.steps[0].exit_code == 137


def test_what_outlives_the_grace_is_killed(tmp_path: Path) -> None:
    with runner(tmp_path) as host:

        def on_log(number: int, data: bytes) -> None:
            if data.endswith(b"running\n") and number == 1:
                host.cancel(grace_s=0.3)

        host.on_log = on_log
        host.assign(
            spec_of(step(FOREVER, condition="always()"), step("echo", condition="always()"))
        )
        done = Done(host, host.until(JobFinished))
    assert done.outcomes == ["cancelled", "skipped"]


def test_cancelling_stops_a_composite_action(tmp_path: Path) -> None:
    action = tmp_path / "work/demo/demo/a/action.yml"
    action.parent.mkdir(parents=True)
    action.write_text(
        "name: a\nruns:\n  using: composite\n  steps:\n"
        f"    - {{run: '{FOREVER}', shell: bash}}\n"
        "    - {run: echo later, shell: bash}\n"
    )
    done = run_job(tmp_path, step(uses="./a"), prepare=cancel_when_running, patience=QUICK)
    assert done.outcomes == ["cancelled"]
    assert "later\n" not in done.log().replace("echo later\n", "")


def test_cancelling_while_a_source_is_awaited(tmp_path: Path) -> None:
    with runner(tmp_path, QUICK) as host:
        host.on_request = lambda request: host.cancel()
        host.assign(
            spec_of(step(uses="actions/checkout@v4"), step("echo on", condition="always()"))
        )
        done = Done(host, host.until(JobFinished))
    assert done.outcomes == ["cancelled", "success"]


def test_a_step_out_of_time_fails(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step(FOREVER, timeout_minutes="0.003"),
        step("echo", condition="failure()"),
        patience=QUICK,
    )
    assert done.outcomes == ["failure", "success"]
    assert done.steps[0].reason == "The step has timed out."
    assert done.finished.conclusion == "failure"


def test_a_step_out_of_time_may_be_forgiven(tmp_path: Path) -> None:
    first = step(FOREVER, timeout_minutes="${{ fromJSON('0.003') }}", continue_on_error="true")
    done = run_job(tmp_path, first, step("echo"), patience=QUICK)
    assert done.outcomes == ["success", "success"]


def test_a_job_out_of_time_is_cancelled_and_says_so(tmp_path: Path) -> None:
    done = run_job(
        tmp_path,
        step(FOREVER),
        step("echo", condition="always()"),
        timeout_minutes=0.005,
        patience=QUICK,
    )
    assert done.outcomes == ["cancelled", "success"]
    assert done.finished.conclusion == "cancelled"
    assert done.finished.timed_out


def test_a_child_that_holds_the_output_open_does_not_hold_the_step(tmp_path: Path) -> None:
    script = "sleep 1000 & echo $! > pid; echo started"
    done = run_job(tmp_path, step(script), step("kill -0 $(cat pid) && echo alive"))
    assert done.log(1) == "started\n"
    assert done.log(2) == "alive\n"


def test_a_child_that_goes_on_printing_neither_blocks_nor_dies(tmp_path: Path) -> None:
    # It gets to its end only if the pipe, which holds far less, is emptied.
    noisy = "(sleep 1; head -c 5000000 /dev/zero; touch finished) &"
    done = run_job(tmp_path, step(noisy), step("while [ ! -e finished ]; do sleep 0.05; done"))
    assert done.log(1) == ""
    assert done.outcomes == ["success", "success"]


def test_what_steps_leave_running_ends_with_the_job(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("sleep 1000 & echo $! > pid"))
    assert done.outcomes == ["success"]
    pid = int((tmp_path / "work/demo/demo/pid").read_text())
    with contextlib.suppress(ProcessLookupError):  # gone already
        handle = os.pidfd_open(pid)
        try:
            assert select.select([handle], [], [], 30) == ([handle], [], [])
        finally:
            os.close(handle)


def test_output_is_read_to_its_end_when_a_tail_is_late(tmp_path: Path) -> None:
    done = run_job(tmp_path, step("exec > >(sleep 0.1; cat)\necho late"))
    assert done.log() == "late\n"


def test_the_host_leaving_ends_the_runner_and_its_steps(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with runner(tmp_path, expect_loss=True) as host:
        host.on_log = lambda number, data: host.leave() if data.endswith(b"running\n") else None
        host.assign(spec_of(step(f"echo $$ > {pid}; {FOREVER}")))
        host.drain()
    number = int(pid.read_text())
    assert not Path(f"/proc/{number}").exists()
