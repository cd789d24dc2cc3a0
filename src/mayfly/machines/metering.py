"""What a machine's process took, and how strained its host was, read from /proc.

Everything is a sum that only grows; what the kernel or this user's rights do not tell is None.
Reading all of it takes less than a millisecond, so it is read when asked for.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.base import Usage

_PROC = Path("/proc")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_STEAL = 8  # of the fields of a line `cpu` in /proc/stat, the name counted


@dataclass(frozen=True, slots=True)
class HostStrain:
    """Seconds since the host booted: taken from its CPUs by a hypervisor below, summed over them,
    and in which something waited for a CPU, for memory or for a disk.
    """

    steal: float | None
    cpu: float | None
    memory: float | None
    io: float | None

    @classmethod
    def now(cls, proc: Path = _PROC) -> "HostStrain":
        return cls(
            _steal(_text(proc / "stat")),
            *(_pressure(_text(proc / "pressure" / what)) for what in ("cpu", "memory", "io")),
        )


def usage_of(pid: int, tap: str, since: HostStrain, proc: Path = _PROC) -> Usage:
    """What a process that runs took so far; the host's strain is that after `since`.

    `tap` is the network device in its namespace through which its guest is reached. Raises OSError
    when the process has ended.
    """
    own = proc / str(pid)
    fields = (own / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    io, devices = _text(own / "io"), _text(own / "net" / "dev")
    # What the host takes in from the device, the guest has sent.
    sent, received = _traffic(devices, tap)
    now = HostStrain.now(proc)
    return Usage(
        cpu_seconds=ticks * _TICK,
        peak_memory=1024 * (_field(_text(own / "status"), "VmHWM") or 0),
        cpu_wait_seconds=_waited(own),
        disk_read=_field(io, "read_bytes"),
        disk_written=_field(io, "write_bytes"),
        net_received=received,
        net_sent=sent,
        host_steal_seconds=_after(since.steal, now.steal),
        host_cpu_pressure_seconds=_after(since.cpu, now.cpu),
        host_memory_pressure_seconds=_after(since.memory, now.memory),
        host_io_pressure_seconds=_after(since.io, now.io),
    )


def _text(file: Path) -> str:
    """Empty when it is not there or not for us."""
    with contextlib.suppress(OSError):
        return file.read_text()
    return ""


def _steal(stat: str) -> float | None:
    fields = stat.partition("\n")[0].split()
    return int(fields[_STEAL]) * _TICK if len(fields) > _STEAL else None


def _pressure(text: str) -> float | None:
    """The sum of a line such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in seconds."""
    for line in text.splitlines():
        kind, *values = line.split()
        for value in values:
            name, _, number = value.partition("=")
            if (kind, name) == ("some", "total"):
                return int(number) / 1e6
    return None


def _field(text: str, name: str) -> int | None:
    """The number of a line such as `VmHWM:    1234 kB`."""
    lines = (line for line in text.splitlines() if line.startswith(f"{name}:"))
    return next((int(line.split()[1]) for line in lines), None)


def _traffic(devices: str, device: str) -> tuple[int | None, int | None]:
    """Bytes in and out of a network device, from the kernel's table of them."""
    for line in devices.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() == device:
            fields = rest.split()
            return int(fields[0]), int(fields[8])
    return None, None


def _waited(own: Path) -> float | None:
    """Seconds that threads of the process were ready to run and another had the CPU."""
    waits = list(_waits(own))
    return sum(waits) / 1e9 if waits else None


def _waits(own: Path) -> Iterator[int]:
    with contextlib.suppress(OSError):
        for thread in (own / "task").iterdir():
            fields = _text(thread / "schedstat").split()
            if len(fields) > 1:
                yield int(fields[1])


def _after(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else max(0.0, now - before)
