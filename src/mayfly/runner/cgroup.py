"""The control group that holds everything a job starts, apart from the runner itself.

The unit of the runner is delegated a cgroup v2 subtree. The runner moves into `runner` in it and
steps into `job`, which bounds their number, so a job that forks without end fails by itself.
"""

import contextlib
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_SHARE_OF_TASKS = 0.75


class JobGroup:
    """`path` is a cgroup v2 directory that the runner may write to."""

    def __init__(self, path: Path):
        self._path = path

    @classmethod
    def make(cls) -> "JobGroup | None":
        """None where this process has no cgroup v2 subtree of its own (not started as a unit)."""
        try:
            unit = _ROOT / _own_group().lstrip("/")
            if os.geteuid() != 0 or unit == _ROOT or not (unit / "cgroup.procs").is_file():
                return None
            for name in ("runner", "job"):
                (unit / name).mkdir(exist_ok=True)
            (unit / "runner" / "cgroup.procs").write_text(str(os.getpid()))
            (unit / "cgroup.subtree_control").write_text("+pids")
            (unit / "job" / "pids.max").write_text(str(_most_tasks()))
        except OSError:
            return None
        return cls(unit / "job")

    def enter(self) -> None:
        """Move the calling process into the group."""
        (self._path / "cgroup.procs").write_text("0")

    def kill(self) -> None:
        """SIGKILL to everything in the group."""
        with contextlib.suppress(OSError):  # kernels before 5.14 lack it
            (self._path / "cgroup.kill").write_text("1")


def _own_group() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            return path
    return ""


def _most_tasks() -> int:
    return int(int(Path("/proc/sys/kernel/threads-max").read_text()) * _SHARE_OF_TASKS)
