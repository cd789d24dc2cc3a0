"""A bash that has started already and waits for its script: the first step's shell.

Under emulation executing bash takes longer than everything else between Assign and the first
line of output, so it is done before the snapshot. Bash is given a named pipe in the place of its
script and blocks opening it. When the step is known, the script goes through the pipe, and the
pipe's name becomes that of an ordinary file with the same text. The first line is preceded by the
reading of a prologue that sets the environment, so line numbers and `$0` are as they would be.

What bash takes from its environment only while it starts cannot be made up for: such a step, or
one with another shell or a long script (bash reads a pipe byte by byte), starts in the plain way.
"""

import contextlib
import os
import re
import shlex
import signal
import time
from pathlib import Path

from mayfly.runner.launcher import Child, Command, Launcher
from mayfly.runner.layout import Layout

_MAX_SCRIPT = 2048
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Read by bash when it starts, or variables it does not let be set.
_SPECIAL = re.compile(
    r"BASH.*|SHELLOPTS|POSIXLY_CORRECT|ENV|E?UID|PPID|SHLVL|IFS|OPT.*|HIST.*|COMP_.*|GLOBIGNORE"
    r"|S?RANDOM|SECONDS|LINENO|GROUPS|FUNCNAME|DIRSTACK|EPOCH.*|PWD|OLDPWD|_|IGNOREEOF|TMOUT"
)
_OPTIONS = {("-e",): "", ("--noprofile", "--norc", "-e", "-o", "pipefail"): "set -o pipefail\n"}
_POLL_S = 0.005
_POLLS = 2000
_CALM = 3


class ReadyShell:
    """Good for one step; `close` it when it was not used."""

    def __init__(self, launcher: Launcher, program: str, layout: Layout, script: Path):
        """`script` is where the script will be."""
        self._layout = layout
        self._script = script
        self._program = program
        self._base = {**layout.variables, "HOME": str(layout.account.home)}
        with layout.account.acting():
            os.mkfifo(script, 0o600)
        argv = (program, "--noprofile", "--norc", "-e", str(script))
        self._child = launcher.start(Command(argv, self._base, Path("/")))
        self._wait_until_it_waits()

    def take(self, command: Command, text: bytes) -> Child | None:
        """Run this script, or None if that must be done in the plain way."""
        if not self._fits(command, text):
            return None
        try:
            pipe = os.open(self._script, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # bash is not there: it was killed, or has not come this far
            return None
        try:
            prologue = self._script.with_suffix(".env")
            self._layout.write(prologue, self._prologue(command))
            copy = self._script.with_suffix(".copy")
            self._layout.write(copy, text)
            copy.replace(self._script)
            first = f". {shlex.quote(str(prologue))}; ".encode()
            os.write(pipe, first + text)
        finally:
            os.close(pipe)
        return self._child

    def close(self) -> None:
        self._child.signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child.pid, 0)
        for descriptor in (self._child.handle, self._child.output, self._child.report):
            os.close(descriptor)
        self._script.unlink(missing_ok=True)

    def _fits(self, command: Command, text: bytes) -> bool:
        program, *options, script = command.argv
        return (
            program == self._program
            and script == str(self._script)
            and tuple(options) in _OPTIONS
            and len(text) <= _MAX_SCRIPT
            and b"\0" not in text
            and os.access(command.directory, os.X_OK)
            and all(_NAME.fullmatch(n) and not _SPECIAL.fullmatch(n) for n in command.env)
        )

    def _prologue(self, command: Command) -> bytes:
        """What makes the shell as if it had been started now, here, with this environment."""
        _, *options, _ = command.argv
        lines = [_OPTIONS[tuple(options)]]
        lines += [f"unset {name}\n" for name in self._base if name not in command.env]
        lines += [
            f"export {name}={_quoted(value)}\n"
            for name, value in command.env.items()
            if self._base.get(name) != value
        ]
        if "HOSTNAME" not in command.env:
            lines.append(f"HOSTNAME={_quoted(os.uname().nodename)}\n")
        # Two clones of a template must not draw the same numbers.
        lines.append(f"RANDOM={int.from_bytes(os.urandom(2))} SECONDS=0\n")
        lines.append(f"cd {_quoted(str(command.directory))}\nunset OLDPWD\ndeclare -x OLDPWD\n")
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _wait_until_it_waits(self) -> None:
        """Until bash sleeps, which it does only in opening its script."""
        calm = 0
        for _ in range(_POLLS):
            calm = calm + 1 if _sleeping(self._child.pid, self._program) else 0
            if calm == _CALM:
                return
            time.sleep(_POLL_S)


def _sleeping(pid: int, program: str) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return command == os.fsencode(program) and state == "S"


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"
