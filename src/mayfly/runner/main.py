"""The runner's command line and its one conversation: Ready, Assign, the job, JobFinished."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from mayfly.protocol.frames import ProtocolViolation
from mayfly.protocol.messages import (
    PROTOCOL_VERSION,
    Assign,
    Identity,
    Ready,
    Rehearse,
    Rehearsed,
)
from mayfly.runner import identity, warm
from mayfly.runner.cgroup import JobGroup
from mayfly.runner.job import Job
from mayfly.runner.layout import Layout
from mayfly.runner.machine import Machine, opened
from mayfly.runner.port import HostGone
from mayfly.runner.settler import Settler, SettlingFailed

_USAGE = "usage: mayfly-runner serve PORT"


def serve(machine: Machine, settler: Settler, rehearse: Callable[[Identity], None]) -> None:
    """Say Ready, rehearse as often as asked, do one job, and stay until the host closes the port.

    Raises HostGone when the host leaves early, ProtocolViolation when it says what it may not,
    and SettlingFailed when the machine cannot become what the host says it is.
    """
    port = machine.port
    machine.prepare()
    port.send(Ready(PROTOCOL_VERSION))
    port.flush()
    message = port.receive()  # the template's snapshot is taken here
    while isinstance(message, Rehearse):
        rehearse(message.identity)
        port.send(Rehearsed())
        message = port.receive()
    if not isinstance(message, Assign):
        raise ProtocolViolation("expected Assign")
    settler.begin(message.identity, machine.layout.workspace(message.job.repository))
    machine.settled = settler.finish
    finished = Job(machine, message.job, message.identity.hostname).run()
    machine.wait_until_settled()
    port.send(finished)
    port.flush()
    port.wait_for_end()


def main() -> int:
    """Exit status 0 after a job, 1 when the host left or broke the protocol, 2 for bad usage."""
    if len(sys.argv) != 3 or sys.argv[1] != "serve":
        print(_USAGE, file=sys.stderr)  # noqa: T201
        return 2
    descriptor = os.open(sys.argv[2], os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    layout = Layout.guest()
    group = JobGroup.make()
    files = identity.prepare()
    warm.wait_for_system()
    warm.rehearse(layout, group)

    def settle(wanted: Identity, workspace: Path) -> None:
        identity.settle(wanted, files)
        layout.prepare(workspace)

    def rehearse(wanted: Identity) -> None:
        warm.rehearse(layout, group, Settler(settle, *files.values()), wanted)

    settler = Settler(settle, *files.values())
    try:
        with opened(descriptor, layout, group=group) as machine:
            serve(machine, settler, rehearse)
    except (HostGone, ProtocolViolation, SettlingFailed) as error:
        print(f"mayfly-runner: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0
