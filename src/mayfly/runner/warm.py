"""What the runner does before there is a job, to be quicker when there is one.

A rehearsal job goes through the code and the programs of an ordinary one. Before Ready that makes
the snapshot hold it done: modules are imported, patterns compiled, Python's bytecode specialised,
and the pages of bash, sudo and git in memory. In a clone, when the host asks for it, it does what
no snapshot can hold: an emulator has translated the code, and memory is the clone's own.
"""

import gc
import os
import shutil
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from mayfly.domain.errors import Location
from mayfly.protocol.messages import Assign, Identity, encode_message
from mayfly.runner.cgroup import JobGroup
from mayfly.runner.job import Job
from mayfly.runner.layout import Layout
from mayfly.runner.machine import opened
from mayfly.runner.settler import Settler
from mayfly.workflow.model import Step
from mayfly.workflow.spec import JobSpec

_NOBODY = Identity("rehearsal", "0" * 32, "", 0, "")
_HERE = Location("rehearsal", 1, 1)
_REPOSITORY = "a/rehearsal"
_SCRIPT = """
sudo -n true || true
echo "::group::${{ github.repository }}"
echo "answer=42" >> "$GITHUB_OUTPUT"
echo "ANSWER=42" >> "$GITHUB_ENV"
cat /dev/null; ls / > /dev/null; mkdir -p a; uname -m
if command -v git > /dev/null; then
  cd a; git init -q; echo a > a; git add a
  git -c user.name=a -c user.email=a@a commit -q -m a; git reset -q --hard; cd ..
fi
tar -cf a.tar a; tar -xf a.tar; rm -rf a a.tar
"""
_LATER = 'echo "${{ steps.first.outputs.answer }} $ANSWER"'


def wait_for_system() -> None:
    """Wait until systemd has started everything else, if it runs here."""
    if Path("/run/systemd/system").is_dir():
        command = ("systemctl", "is-system-running", "--wait")
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def rehearse(
    layout: Layout,
    group: JobGroup | None,
    settler: Settler | None = None,
    identity: Identity = _NOBODY,
) -> None:
    """Run a small job in a directory of its own; then keep what is in memory out of collections.

    With a settler, which may be anew each time, the machine takes the identity on first.
    Raises SettlingFailed.
    """
    layout.prepare(layout.work)
    directory = Path(tempfile.mkdtemp(dir=layout.work))
    layout.own(directory)
    host, ours = socket.socketpair()
    try:
        host.sendall(encode_message(Assign(identity, _spec())))
        stage = replace(layout, work=directory, commands=directory / "commands")
        stage_group = group.for_rehearsal() if group is not None else None
        with opened(ours.fileno(), stage, group=stage_group) as machine:
            machine.prepare()
            workspace = stage.workspace(_REPOSITORY)
            stage.prepare(workspace)
            message = machine.port.receive()
            assert isinstance(message, Assign)  # it was sent above
            if settler is not None:
                settler.begin(message.identity, workspace)
                machine.settled = settler.finish
            machine.port.send(Job(machine, message.job, identity.hostname).run())
            machine.wait_until_settled()
    finally:
        host.close()
        ours.close()
        shutil.rmtree(directory)
    os.sync()
    gc.collect()
    gc.freeze()


def _spec() -> JobSpec:
    steps = (
        Step(_HERE, id="first", name="${{ github.job }}", run=_SCRIPT, shell="bash"),  # noqa: S604
        Step(_HERE, condition="success() && runner.os == 'Linux'", run=_LATER, env={"A": "b"}),
    )
    contexts = {"github": {"repository": _REPOSITORY, "event": {"ref": "refs/heads/main"}}}
    return JobSpec(
        "rehearsal", "rehearsal", steps, contexts, masks=("rehearsed",), repository=_REPOSITORY
    )
