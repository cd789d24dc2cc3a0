"""The control group that holds everything a job starts, apart from the runner itself.

The unit of the runner is delegated a cgroup v2 subtree. The runner moves into `runner` in it and
steps into `job`, which bounds processes and memory and yields the processor: a job that forks or
takes memory without end fails by itself, and the runner lives to say so. Rehearsals have a group
like it, so that their end is not that of a process that waits for the job.
"""

import contextlib
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_MIB = 1024 * 1024
_MEMORY_PER_TASK = _MIB
_LEAST_TASKS = 512
_SHARE_OF_MEMORY = 0.9
_RUNNER_WEIGHT = "10000"
_JOB = "job"
_REHEARSAL = "rehearsal"


class JobGroup:
    """`path` is a cgroup v2 directory that the runner may write to."""

    def __init__(self, path: Path):
        self._path = path
        self._seen = (0, 0)

    @classmethod
    def make(cls) -> "JobGroup | None":
        """None where this process has no cgroup v2 subtree of its own (not started as a unit)."""
        try:
            unit = _ROOT / _own_group().lstrip("/")
            if os.geteuid() != 0 or unit == _ROOT or not (unit / "cgroup.procs").is_file():
                return None
            _divide(unit)
        except OSError:
            return None
        return cls(unit / _JOB)

    def for_rehearsal(self) -> "JobGroup":
        """The group beside it, with the same bounds."""
        return JobGroup(self._path.with_name(_REHEARSAL))

    def enter(self) -> None:
        """Move the calling process into the group."""
        (self._path / "cgroup.procs").write_text("0")

    def kill(self) -> None:
        """SIGKILL to everything in the group."""
        with contextlib.suppress(OSError):  # kernels before 5.14 lack it
            (self._path / "cgroup.kill").write_text("1")

    def refusals(self) -> int:
        """How many processes the job was refused so far."""
        return _count(self._path / "pids.events", "max")

    def exceeded(self) -> str | None:
        """Which bound the job ran into since this was last asked, if it did."""
        kills = _count(self._path / "memory.events", "oom_kill")
        refusals = self.refusals()
        before, self._seen = self._seen, (kills, refusals)
        if kills > before[0]:
            size = int((self._path / "memory.max").read_text()) // _MIB
            return f"the machine's memory was full ({size} MiB), so a process was killed"
        if refusals > before[1]:
            most = (self._path / "pids.max").read_text().strip()
            return f"the job had {most} processes, the most this machine allows"
        return None


def _divide(unit: Path) -> None:
    """Make the groups, the runner in its own, and set the bounds of the others."""
    for name in ("runner", _JOB, _REHEARSAL):
        (unit / name).mkdir(exist_ok=True)
    (unit / "runner" / "cgroup.procs").write_text(str(os.getpid()))
    (unit / "cgroup.subtree_control").write_text("+pids +memory +cpu")
    (unit / "runner" / "cpu.weight").write_text(_RUNNER_WEIGHT)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    tasks = max(_LEAST_TASKS, memory // _MEMORY_PER_TASK)
    for name in (_JOB, _REHEARSAL):
        (unit / name / "pids.max").write_text(str(tasks))
        (unit / name / "memory.max").write_text(str(int(memory * _SHARE_OF_MEMORY)))


def _own_group() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            return path
    return ""


def _count(file: Path, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
