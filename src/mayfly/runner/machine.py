"""What a job's steps are run with: the loop, the port, and a way to start processes."""

import contextlib
from collections.abc import Iterator

from mayfly.runner.cgroup import JobGroup
from mayfly.runner.interrupt import Interrupt
from mayfly.runner.launcher import Command, Starter
from mayfly.runner.layout import Layout
from mayfly.runner.loop import Loop
from mayfly.runner.port import Port
from mayfly.runner.process import Patience, Process, Sink


class Machine:
    """Owns every process it started until `close`."""

    def __init__(
        self, layout: Layout, loop: Loop, port: Port, patience: Patience, group: JobGroup | None
    ):
        self.layout = layout
        self.loop = loop
        self.port = port
        self.patience = patience
        self._group = group
        self._starter = Starter(layout.account, group)
        self._processes: list[Process] = []

    def prepare(self) -> None:
        """Do what can be done before the next start, to make it quick."""
        self._starter.prepare()

    def start(self, command: Command, sink: Sink) -> Process:
        process = Process(self._starter.start(command), self.loop, self.port, sink)
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

    def kill_leftovers(self) -> None:
        """End what steps left running."""
        if self._group is not None:
            self._group.kill()
        for process in self._processes:
            process.close()
        self._processes.clear()

    def close(self) -> None:
        self.kill_leftovers()
        self._starter.close()


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
