"""Starts commands as the account of the steps, each in its own session.

A `Launcher` is a child forked ahead of time that waits to be told what to become: the costly half
of starting a command can so be done before it is needed, even before the machine's snapshot.
"""

import contextlib
import errno
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mayfly.runner.cgroup import JobGroup
from mayfly.runner.forked import close_all_but, read_request, write_request
from mayfly.runner.layout import Account

_NOT_STARTED = 127
PIPE_SIZE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute: `argv[0]` is looked up in the PATH of `env`."""

    argv: Sequence[str]
    env: Mapping[str, str]
    directory: Path


@dataclass(frozen=True, slots=True)
class Child:
    """A started command, also the leader of its session and process group.

    `output` is the reading end of its standard output and error, `report` of why it could not
    be executed; both never block. `handle` becomes readable when it ends. All three belong to
    the holder of this object.
    """

    pid: int
    handle: int
    output: int
    report: int

    def signal(self, number: signal.Signals) -> None:
        """Signal its whole process group; safe when nothing is left of it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class Launcher:
    """Good for one command; `close` it when it was never used."""

    def __init__(self, account: Account, group: JobGroup | None):
        request, self._request = os.pipe2(os.O_CLOEXEC)
        self._output, output = os.pipe2(os.O_CLOEXEC)
        self._report, report = os.pipe2(os.O_CLOEXEC)
        with contextlib.suppress(OSError):  # only larger is faster
            fcntl.fcntl(self._output, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        self._pid = os.fork()
        if self._pid == 0:
            close_all_but(request, output, report)
            _wait_and_become(request, output, report, account, group)
        for descriptor in (request, output, report):
            os.close(descriptor)

    def start(self, command: Command) -> Child:
        plain = (tuple(command.argv), dict(command.env), str(command.directory))
        write_request(self._request, plain)
        os.close(self._request)
        os.set_blocking(self._output, False)
        os.set_blocking(self._report, False)
        return Child(self._pid, os.pidfd_open(self._pid), self._output, self._report)

    def close(self) -> None:
        for descriptor in (self._request, self._output, self._report):
            os.close(descriptor)
        os.waitpid(self._pid, 0)


class Starter:
    """Starts commands; `prepare` does the half of the next start that can be done ahead."""

    def __init__(self, account: Account, group: JobGroup | None):
        self._account = account
        self._group = group
        self._spare: Launcher | None = None

    def prepare(self) -> None:
        if self._spare is None:
            self._spare = Launcher(self._account, self._group)

    def start(self, command: Command) -> Child:
        launcher = self._spare or Launcher(self._account, self._group)
        self._spare = None
        return launcher.start(command)

    def close(self) -> None:
        if self._spare is not None:
            self._spare.close()
            self._spare = None


def find_program(name: str, path: str) -> str | None:
    """The program's file, looked up as a shell would."""
    directories = path.split(os.pathsep) if "/" not in name else [""]
    for directory in directories:
        file = os.path.join(directory, name)  # noqa: PTH118 (quicker, and this is asked often)
        if os.access(file, os.X_OK) and not os.path.isdir(file):  # noqa: PTH112
            return file
    return None


def _wait_and_become(
    request: int, output: int, report: int, account: Account, group: JobGroup | None
) -> None:
    """The child's side; never returns."""
    try:
        os.setsid()
        _enter(account, group)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if (plain := read_request(request)) is not None:
            _become(*plain)
    except (OSError, ValueError) as error:
        os.write(report, (getattr(error, "strerror", None) or str(error)).encode())
    finally:
        os._exit(_NOT_STARTED)


def _enter(account: Account, group: JobGroup | None) -> None:
    if group is not None:
        group.enter()
    if account.switch:
        Path("/proc/self/oom_score_adj").write_text("0")
        os.setgroups(account.groups)
        os.setgid(account.gid)
        os.setuid(account.uid)
    os.umask(0o022)


def _become(argv: tuple[str, ...], env: Mapping[str, str], directory: str) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        raise OSError(error.errno, f"working directory {directory}: {error.strerror}") from None
    program = find_program(argv[0], env.get("PATH", os.defpath))
    if program is None:
        raise OSError(errno.ENOENT, f"{argv[0]}: command not found")
    try:
        os.execve(program, argv, env)  # noqa: S606
    except OSError as error:
        raise OSError(error.errno, f"{program}: {error.strerror}") from None
