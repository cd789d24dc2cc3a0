"""A step's output on its way to the host: commands taken out, matchers applied, secrets masked.

Works on blocks as large as they arrive and looks at single lines only where it must. A line that
has not ended is held back, at most `_MAX_HELD` bytes of it, so that a command or a secret that
arrives in pieces is still seen whole.
"""

from collections.abc import Callable
from typing import Protocol

from mayfly.runner.commands import WorkflowCommand, find_command, parse_command
from mayfly.runner.masks import Masker
from mayfly.runner.matchers import Finding, Matchers

_MAX_HELD = 64 * 1024

Emit = Callable[[bytes], None]


class Actor(Protocol):
    """Whoever does what commands and matchers ask for; `effects` in a job."""

    def execute(self, command: WorkflowCommand, line: bytes) -> bytes:
        """Do it, and say what to print in place of the command's line."""
        ...

    def found(self, finding: Finding) -> None: ...


class StepOutput:
    """`emit` gets masked bytes, `actor` the commands and findings.

    `resume` is the token that ends a stop of command processing, None while they are processed.
    """

    def __init__(self, emit: Emit, masker: Masker, matchers: Matchers, actor: Actor):
        self._emit = emit
        self._masker = masker
        self._matchers = matchers
        self._actor = actor
        self._held = b""
        self._mid_line = False
        self.resume: str | None = None

    def feed(self, data: bytes) -> None:
        if self._held:
            data = self._held + data
        end = data.rfind(b"\n") + 1
        self._held = data[end:]
        if end:
            self._lines(self._without_tail(data[:end]))
        if len(self._held) > _MAX_HELD:
            masked, self._held = self._masker.mask_open(self._held)
            self._emit(masked)
            self._mid_line = True

    def finish(self) -> None:
        """The output has ended, with or without a newline."""
        held, self._held = self._held, b""
        if held or self._mid_line:
            self._lines(self._without_tail(held + b"\n"))

    def _without_tail(self, block: bytes) -> bytes:
        """Pass on the end of a line whose beginning has been, which can be no command."""
        if not self._mid_line:
            return block
        self._mid_line = False
        end = block.index(b"\n") + 1
        self._print(block[:end])
        return block[end:]

    def _lines(self, block: bytes) -> None:
        start = 0
        while (at := self._next_command(block, start)) >= 0:
            end = block.index(b"\n", at) + 1
            command = parse_command(block[at:end], self.resume)
            if command is None:
                self._plain(block[start:end])
            else:
                self._plain(block[start:at])
                self._command(command, block[at:end])
            start = end
        self._plain(block[start:] if start else block)

    def _next_command(self, block: bytes, start: int) -> int:
        if self.resume is not None:
            at = block.find(f"::{self.resume}::".encode(), start)
            return block.rfind(b"\n", start, at) + 1 or start if at >= 0 else -1
        return find_command(block, start)

    def _command(self, command: WorkflowCommand, line: bytes) -> None:
        if self.resume is not None:
            self.resume = None
        elif command.name == "stop-commands":
            self.resume = command.text or None
            self._print(line)
        else:
            self._print(self._actor.execute(command, line))

    def _plain(self, block: bytes) -> None:
        if block and self._matchers.active:
            self._matchers.scan(block, self._actor.found)
        self._print(block)

    def _print(self, block: bytes) -> None:
        if block:
            self._emit(self._masker.mask(block))
