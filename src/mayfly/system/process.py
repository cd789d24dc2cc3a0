"""The one way the host starts processes: the exact command is logged, output is bounded.

Children are told by the kernel to die with us (`dies_with_parent`), so a `kill -9` of Mayfly
leaves no process behind.
"""

import asyncio
import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

_OUTPUT_LIMIT = 16 * 1024 * 1024
_LEFT_BEHIND_S = 0.5


class CommandFailed(Exception):
    """A command ended with a status other than 0; `stderr` holds the end of what it said."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str):
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr
        super().__init__(f"{shlex.join(argv)} ended with status {status}: {stderr.strip()[-2000:]}")


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended: exit status (negative: signal number) and its decoded output."""

    status: int
    stdout: str
    stderr: str


def which(tool: str) -> str | None:
    """Path of a tool; looks in the sbin folders too, which an ordinary user's PATH may lack."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(tool, path=path)


def dies_with_parent(argv: Sequence[str]) -> list[str]:
    """The same command, killed by the kernel when the thread that started it ends.

    A parent that ended before the kernel knew would go unnoticed: the shell looks whether the
    parent is still this process before it becomes the command.
    """
    still_ours = 'test "$PPID" = "$0" && exec "$@"'
    guard = ["sh", "-c", still_ours, str(os.getpid())]
    return ["setpriv", "--pdeathsig", "KILL", "--", *guard, *argv]


async def start(
    argv: Sequence[str],
    *,
    stdin: int | None = subprocess.DEVNULL,
    stdout: int | None = subprocess.DEVNULL,
    stderr: int | None = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    new_session: bool = False,
) -> asyncio.subprocess.Process:
    """Start a command and return at once; `env` replaces the environment when given."""
    _log.debug("start: %s", shlex.join(argv))
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        pass_fds=tuple(pass_fds),
        start_new_session=new_session,
    )


def start_apart(
    argv: Sequence[str], *, env: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> "subprocess.Popen[bytes]":
    """Start a command that shares our output and lives on when we end."""
    _log.debug("start apart: %s", shlex.join(argv))
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=dict(env), pass_fds=tuple(pass_fds))


async def run(
    argv: Sequence[str],
    *,
    input_bytes: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
    check: bool = True,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a command to its end.

    Raises `CommandFailed` for a status other than 0 when `check`, `TimeoutError` (the process and
    its children are killed first) after `timeout` seconds, `FileNotFoundError` when the tool is
    missing. A cancelled call kills them too. So is what a command that has ended leaves behind in
    its session, if that still holds its output open.
    """
    process = await start(
        argv,
        stdin=subprocess.PIPE if input_bytes is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        new_session=True,
    )
    try:
        with _left_behind_killed(process.pid):
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(input_bytes)
    finally:
        if process.returncode is None:
            # With what it started, which would hold its pipes and so keep us waiting.
            _kill_group(process.pid)
            await process.wait()
    status = process.returncode if process.returncode is not None else -1
    stdout = out[:_OUTPUT_LIMIT].decode(errors="replace")
    stderr = err[:_OUTPUT_LIMIT].decode(errors="replace")
    if check and status != 0:
        raise CommandFailed(argv, status, stderr or stdout)
    return Completed(status, stdout, stderr)


@contextlib.contextmanager
def _left_behind_killed(leader: int) -> Iterator[None]:
    """Kills the group soon after its leader ended, unless the block is over by then.

    asyncio takes a process for ended when its pipes are closed; unshare, as one, leaves a helper
    for ever that holds them where it may not make a namespace.
    """
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as after:

        def ended() -> None:
            after.callback(loop.call_later(_LEFT_BEHIND_S, _kill_group, leader).cancel)

        def noticed() -> None:
            loop.remove_reader(watched)
            ended()

        try:
            watched = os.pidfd_open(leader)
        except ProcessLookupError:
            ended()
        else:
            after.callback(os.close, watched)
            after.callback(loop.remove_reader, watched)
            loop.add_reader(watched, noticed)
        yield


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
