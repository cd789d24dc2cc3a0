"""Jobs that attack their machine, in real machines, all in one run with jobs that do not.

Each gets one clear end; the others go on; nothing is left on the host.
"""

import json
import re
from collections.abc import Callable

import pytest
from tests.e2e.conftest import LABEL, Outcome, assert_nothing_is_left

from mayfly.domain.architecture import Architecture
from mayfly.domain.job import Conclusion, JobState

pytestmark = pytest.mark.e2e

_MIB = 1024 * 1024

ENDED = r"the job ended its machine or its runner"

# As root: take the descriptor of the runner's port out of the runner, and write to it.
GARBAGE = """\
cat > /tmp/garbage.py <<'END'
import ctypes, os, subprocess
main = subprocess.check_output(["systemctl", "show", "-P", "MainPID", "mayfly-runner"])
libc = ctypes.CDLL(None, use_errno=True)
pidfd = os.pidfd_open(int(main))
for number in range(3, 64):
    got = libc.syscall(438, pidfd, number, 0)  # pidfd_getfd
    if got >= 0 and "vport" in os.readlink(f"/proc/self/fd/{got}"):
        os.write(got, bytes([255]) * 64)
END
sudo python3 /tmp/garbage.py
sleep 1000
"""

BAD: dict[str, tuple[str, JobState, str]] = {
    "endless": (
        "yes 'a line that does not end' ",
        JobState.FAILED,
        r"the job printed more than 4 MiB: the limit of a job's log",
    ),
    "poweroff": ("sudo systemctl poweroff -f; sleep 1000", JobState.FAILED, ENDED),
    "reboot": ("sudo reboot -f; sleep 1000", JobState.FAILED, ENDED),
    "kill": (
        "sudo systemctl kill -s KILL mayfly-runner; sleep 1000",
        JobState.FAILED,
        ENDED,
    ),
    "stop": ("sudo systemctl stop mayfly-runner; sleep 1000", JobState.FAILED, ENDED),
    "panic": (
        "echo c | sudo tee /proc/sysrq-trigger; sleep 1000",
        JobState.FAILED,
        rf"{ENDED}\n(.|\n)*Kernel panic",
    ),
    "garbage": (
        GARBAGE,
        JobState.FAILED,
        r"the runner broke the protocol: unknown frame kind 255",
    ),
    "forks": (
        "bomb() { bomb | bomb & }; bomb; while :; do :; done",
        JobState.FAILED,
        r"",
    ),
}
"""The job's script, the state it ends in, and what its reason says."""

GOOD = {
    "first": "echo first",
    "background": "sleep 1000 & echo done",
    "bytes": r"printf 'a\xff\xfeb\n'",
    "disk": (
        "free=$(df --output=avail -B1 ~ | tail -n 1); fallocate -l $((free - 67108864)) ~/most; "
        "if dd if=/dev/zero of=~/rest bs=1M; then exit 1; fi; echo full"
    ),
    "last": "echo last",
}
"""Jobs that must succeed beside them."""

ON_ARM64 = {"poweroff", "endless", "panic"}


def job(name: str, script: str, architecture: Architecture) -> str:
    return f"""\
  {name}-{architecture}:
    runs-on: {LABEL % architecture}
    timeout-minutes: 5
    steps:
      - run: {json.dumps(script)}
"""


@pytest.fixture(scope="module")
def outcome(run_workflow: Callable[..., Outcome]) -> Outcome:
    amd64, arm64 = Architecture.AMD64, Architecture.ARM64
    jobs = [job(name, script, amd64) for name, script in GOOD.items() if name != "last"]
    for name, (script, _, _) in BAD.items():
        jobs.append(job(name, script, amd64))
        if name in ON_ARM64:
            jobs.append(job(name, script, arm64))
    jobs += [job("last", GOOD["last"], architecture) for architecture in Architecture]
    text = "on: push\njobs:\n" + "".join(jobs)
    return run_workflow(text, log_limit=4 * _MIB, cancel_grace_s=5.0)


def test_the_run_failed_and_every_job_ended(outcome: Outcome) -> None:
    assert list(outcome.conclusions.values()) == [Conclusion.FAILURE]
    assert all(job.state.is_final for job in outcome.record.jobs)


@pytest.mark.parametrize("name", [*(f"{name}-amd64" for name in GOOD), "last-arm64"])
def test_others_go_on(outcome: Outcome, name: str) -> None:
    assert outcome.job(name).state is JobState.SUCCEEDED, outcome.job(name)


@pytest.mark.parametrize(
    "name", [*(f"{name}-amd64" for name in BAD), *(f"{name}-arm64" for name in sorted(ON_ARM64))]
)
def test_each_gets_one_clear_end(outcome: Outcome, name: str) -> None:
    _, state, reason = BAD[name.partition("-")[0]]
    ended = outcome.job(name)
    assert ended.state is state, ended
    assert re.match(reason, ended.reason or ""), ended.reason


def test_bytes_that_are_no_text_are_shown_replaced(outcome: Outcome) -> None:
    assert "a��b" in outcome.log("bytes-amd64")


def test_a_full_disk_is_the_jobs_own_matter(outcome: Outcome) -> None:
    assert "No space left on device" in outcome.log("disk-amd64")


def test_a_job_that_forks_for_ever_hears_what_it_may_have(outcome: Outcome) -> None:
    reasons = [step.reason or "" for step in outcome.job("forks-amd64").steps.values()]
    assert any("processes, the most this machine allows" in reason for reason in reasons)


def test_a_job_that_prints_for_ever_was_heard_up_to_the_limit(outcome: Outcome) -> None:
    assert "a line that does not end" in outcome.log("endless-amd64")


def test_nothing_is_left_on_the_host(outcome: Outcome) -> None:
    assert outcome.machines
    assert_nothing_is_left(outcome.machines)
