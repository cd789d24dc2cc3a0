"""What a job's steps are run with: the loop, the port, and a way to start processes."""

import contextlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from mayfly import __version__
from mayfly.runner.cgroup import JobGroup
from mayfly.runner.envfiles import CommandFiles
from mayfly.runner.interrupt import Interrupt
from mayfly.runner.launcher import Child, Command, Launcher, Starter, find_program
from mayfly.runner.layout import Layout
from mayfly.runner.loop import Callback, Loop
from mayfly.runner.port import Port
from mayfly.runner.process import Patience, Process, Sink
from mayfly.runner.readyshell import ReadyShell
from mayfly.runner.watchdog import Watchdog


class Machine:
    """Owns every process it started until `close`.

    `settled` is called once, before anything of a job runs.
    """

    def __init__(
        self, layout: Layout, loop: Loop, port: Port, patience: Patience, group: JobGroup | None
    ):
        self.layout = layout
        self.loop = loop
        self.port = port
        self.patience = patience
        self._group = group
        self._starter = Starter(layout.account, group)
        self.description = _described()
        self._processes: list[Process] = []
        self._spare_files: CommandFiles | None = None
        self._ready_shell: ReadyShell | None = None
        self._watchdog: Watchdog | None = None
        self.settled: Callback = _nothing

    def prepare(self) -> None:
        """Do what can be done before the next start, to make it quick."""
        layout = self.layout
        layout.prepare(layout.temp, layout.commands)
        if self._spare_files is None:
            self._spare_files = CommandFiles.make(layout)
            bash = find_program("bash", layout.variables["PATH"])
            if bash is not None:
                launcher = Launcher(layout.account, self._group)
                script = self._spare_files.script.with_suffix(".sh")
                self._ready_shell = ReadyShell(launcher, bash, layout, script)
        self._starter.prepare()

    def wait_until_settled(self) -> None:
        settled, self.settled = self.settled, _nothing
        settled()
        if self._group is not None and self._watchdog is None:
            self._watchdog = Watchdog(self.loop, self._group, self._group.kill)

    def command_files(self) -> CommandFiles:
        """Files for one more step."""
        files = self._spare_files or CommandFiles.make(self.layout)
        self._spare_files = None
        return files

    def start(self, command: Command, sink: Sink) -> Process:
        self.wait_until_settled()
        return self._started(self._starter.start(command), sink)

    def start_script(self, command: Command, file: Path, text: bytes, sink: Sink) -> Process:
        """Write a script and run the command, whose last word is its file."""
        self.wait_until_settled()
        shell, self._ready_shell = self._ready_shell, None
        if shell is not None:
            child = shell.take(command, text)
            if child is not None:
                return self._started(child, sink)
            shell.close()
        self.layout.write(file, text)
        return self._started(self._starter.start(command), sink)

    def _started(self, child: Child, sink: Sink) -> Process:
        process = Process(child, self.loop, self.port, sink)
        self._processes.append(process)
        return process

    def run_quietly(self, command: Command, interrupt: Interrupt) -> tuple[int, bytes]:
        """Run to the end; exit status and at most the last 64 KiB of output."""
        tail = bytearray()

        def keep(data: bytes) -> None:
            tail.extend(data)
            del tail[:-65536]

        ending = interrupt.wait(self.start(command, keep))
        if ending.error is not None:
            return ending.status, ending.error.encode()
        return ending.status, bytes(tail)

    def exceeded(self) -> str | None:
        """Which bound of the machine the job ran into since this was last asked."""
        return self._group.exceeded() if self._group is not None else None

    def kill_leftovers(self) -> None:
        """End what steps left running."""
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._group is not None:
            self._group.kill()
        for process in self._processes:
            process.close()
        self._processes.clear()

    def close(self) -> None:
        self.kill_leftovers()
        if self._ready_shell is not None:
            self._ready_shell.close()
        self._starter.close()


def _described() -> bytes:
    """What step 0 says of this machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    try:
        image = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        image = "unknown"
    return (
        f"Mayfly runner {__version__}\n"
        f"Image: {image}, Linux {platform.release()}\n"
        f"Machine: {platform.machine()}, {os.cpu_count()} CPU, {memory:.1f} GiB\n"
    ).encode()


def _nothing() -> None:
    """No one waits."""


@contextlib.contextmanager
def opened(
    descriptor: int,
    layout: Layout,
    *,
    patience: Patience | None = None,
    group: JobGroup | None = None,
) -> Iterator[Machine]:
    """A machine on this descriptor; whatever it started ends with the block.

    Steps run inside `group` if there is one.
    """
    loop = Loop()
    try:
        port = Port(descriptor, loop)
        machine = Machine(layout, loop, port, patience or Patience(), group)
        try:
            yield machine
        finally:
            machine.close()
    finally:
        loop.close()
