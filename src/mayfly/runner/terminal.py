"""A login shell on a pseudo-terminal of its own."""

import contextlib
import fcntl
import os
import pwd
import signal
import struct
import termios
from pathlib import Path
from typing import NoReturn

from mayfly.protocol.shell import ShellOpen

_WORK = Path("/home/runner/work")
_PATH = "/home/runner/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LARGEST = 10_000


class Terminal:
    """`master` is our side of it; `ended` becomes readable when the shell has ended."""

    def __init__(self, pid: int, master: int):
        os.set_blocking(master, False)
        self._pid: int | None = pid
        self.master = master
        self.ended = os.pidfd_open(pid)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, window(rows, columns))

    def wait(self) -> int:
        """The exit status, as a shell would report it; to be called once, after its end."""
        assert self._pid is not None
        _, status = os.waitpid(self._pid, 0)
        self._pid = None
        code = os.waitstatus_to_exitcode(status)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        """Hang up; a shell that still runs is killed, and what it runs gets its SIGHUP."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.ended, signal.SIGHUP)
                signal.pidfd_send_signal(self.ended, signal.SIGKILL)
            self.wait()
        os.close(self.ended)
        os.close(self.master)


def open_terminal(request: ShellOpen) -> Terminal:
    """KeyError if there is no such user, OSError if the system refuses a terminal."""
    account = pwd.getpwnam(request.user)
    folder = workspace(_WORK) or Path(account.pw_dir)
    pid, master = os.forkpty()
    if pid == 0:
        _become(account, folder, request)
    terminal = Terminal(pid, master)
    terminal.resize(request.rows, request.columns)
    return terminal


def workspace(work: Path) -> Path | None:
    """Where the job's repository is, `NAME/NAME` in the folder of all work; None without one."""
    with contextlib.suppress(OSError):
        for folder in sorted(work.iterdir()):
            inner = folder / folder.name
            if not folder.name.startswith("_") and inner.is_dir():
                return inner
    return None


def window(rows: int, columns: int) -> bytes:
    """The kernel's `struct winsize`; sizes are brought into bounds."""
    sizes = (min(max(size, 1), _LARGEST) for size in (rows, columns))
    return struct.pack("4H", *sizes, 0, 0)


def _become(account: pwd.struct_passwd, folder: Path, request: ShellOpen) -> NoReturn:
    """In the child: give up what we are and run the user's login shell."""
    try:
        if os.geteuid() == 0:
            os.initgroups(account.pw_name, account.pw_gid)
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
        with contextlib.suppress(OSError):
            os.chdir(folder)
        environment = {
            "HOME": account.pw_dir,
            "USER": account.pw_name,
            "LOGNAME": account.pw_name,
            "SHELL": account.pw_shell,
            "TERM": request.term,
            "LANG": "C.UTF-8",
            "PATH": _PATH,
        }
        shell = account.pw_shell or "/bin/sh"
        os.execve(shell, [f"-{Path(shell).name}"], environment)  # noqa: S606
    except OSError as error:
        os.write(2, f"{account.pw_shell}: {error}\r\n".encode())
    finally:
        os._exit(127)
