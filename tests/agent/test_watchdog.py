"""A stuck agent does not keep its machines for longer than its session; in real processes."""

import signal
import subprocess
import sys
from textwrap import dedent


def run(program: str) -> "subprocess.CompletedProcess[str]":
    prelude = "import time\nfrom mayfly.agent.watchdog import Watchdog\n"
    command = [sys.executable, "-c", prelude + dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_process_that_is_stuck_when_its_session_ends_is_killed() -> None:
    ended = run(
        """
        with Watchdog() as watchdog:
            watchdog.put_off(60)
            watchdog.put_off(0.1)
            time.sleep(50)
        """
    )
    assert ended.returncode == -signal.SIGKILL
    assert "the session is over" in ended.stderr


def test_a_process_that_is_put_off_again_and_again_lives() -> None:
    ended = run(
        """
        with Watchdog() as watchdog:
            for _ in range(20):
                watchdog.put_off(5)
                time.sleep(0.01)
        print("alive")
        """
    )
    assert (ended.returncode, ended.stdout) == (0, "alive\n")


def test_a_process_that_stopped_its_machines_lives() -> None:
    ended = run(
        """
        with Watchdog() as watchdog:
            watchdog.put_off(0.2)
            watchdog.rest()
            time.sleep(0.5)
        print("alive")
        """
    )
    assert (ended.returncode, ended.stdout) == (0, "alive\n")


def test_a_watchdog_that_was_never_put_off_waits() -> None:
    assert run("with Watchdog(): time.sleep(0.1)").returncode == 0
