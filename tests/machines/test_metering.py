"""What /proc tells of a process and of its host; what it does not tell is not made up."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mayfly.machines.base import Usage
from mayfly.machines.metering import HostStrain, usage_of

PID = 42
TICKS = os.sysconf("SC_CLK_TCK")
STAT = f"42 (qemu (x) y) S {' '.join(str(number) for number in range(4, 53))}\n"
NET_DEV = """Inter-|   Receive                            |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:      10       1    0    0    0     0          0         0       20       2    0    0
  tap0: 7000      70    0    0    0     0          0         0     9000      90    0    0
"""
FILES = {
    "stat": f"cpu  1 2 3 4 5 6 7 {3 * TICKS} 9 10\ncpu0 1 2 3 4 5 6 7 0 9 10\n",
    "pressure/cpu": "some avg10=1.00 avg60=2.00 avg300=3.00 total=5000000\n",
    "pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=250000\nfull total=9\n",
    "pressure/io": "full avg10=0.00 total=7\nsome avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
    f"{PID}/stat": STAT,
    f"{PID}/status": "Name:\tqemu\nVmPeak:\t  99 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1024 kB\n",
    f"{PID}/io": "rchar: 1\nwchar: 2\nread_bytes: 4096\nwrite_bytes: 8192\n",
    f"{PID}/net/dev": NET_DEV,
    f"{PID}/task/42/schedstat": "111 1500000000 3\n",
    f"{PID}/task/43/schedstat": "111 500000000 3\n",
}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_everything_is_read(proc: Path) -> None:
    strain = HostStrain.now(proc)
    assert strain == HostStrain(3.0, 5.0, 0.25, 1e-6)
    before = HostStrain(1.0, 4.5, 0.0, 0.0)
    usage = usage_of(PID, "tap0", before, proc)
    assert usage == Usage(
        cpu_seconds=(14 + 15) / TICKS,
        peak_memory=2048 * 1024,
        cpu_wait_seconds=2.0,
        disk_read=4096,
        disk_written=8192,
        net_received=9000,
        net_sent=7000,
        host_steal_seconds=2.0,
        host_cpu_pressure_seconds=0.5,
        host_memory_pressure_seconds=0.25,
        host_io_pressure_seconds=1e-6,
    )
    assert usage.more()["net_received"] == 9000
    assert len(usage.more()) == 9


def test_what_is_not_told_is_none(proc: Path) -> None:
    for name in ("io", "net", "task"):
        path = proc / str(PID) / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.rmtree(proc / "pressure")
    (proc / "stat").write_text("cpu  1 2 3 4\n")
    usage = usage_of(PID, "tap0", HostStrain(1.0, 1.0, 1.0, 1.0), proc)
    assert usage == Usage(usage.cpu_seconds, 2048 * 1024)
    assert usage.more() == {}


def test_another_device_is_not_taken_for_it(proc: Path) -> None:
    usage = usage_of(PID, "tap1", HostStrain.now(proc), proc)
    assert usage.net_received is None
    assert usage.net_sent is None


def test_a_process_that_has_ended_is_told(proc: Path) -> None:
    with pytest.raises(OSError, match="43"):
        usage_of(43, "tap0", HostStrain.now(proc), proc)


def test_this_host_can_be_read() -> None:
    usage = usage_of(os.getpid(), "lo", HostStrain.now())
    assert usage.cpu_seconds > 0
    assert usage.peak_memory > 1024 * 1024
    assert usage.net_received is not None


def test_what_was_taken_after_a_moment() -> None:
    earlier = Usage(1.0, 100, disk_read=10, net_sent=None, host_steal_seconds=1.0)
    later = Usage(3.0, 90, disk_read=25, net_sent=5, host_steal_seconds=1.5)
    taken = later.since(earlier)
    assert taken == Usage(2.0, 90, disk_read=15, net_sent=5, host_steal_seconds=0.5)
    assert later.since(replace(later)).cpu_seconds == 0
