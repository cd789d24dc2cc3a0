"""`make bench`: measures this host and prints one table, with the aims beside the figures."""

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import machines, plans
from bench.machines import Start, median, spec_for
from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.qemu.driver import QemuDriver
from mayfly.system.home import Home

_ARCHITECTURES = (Architecture.AMD64, Architecture.ARM64)
_FIRST_BYTE_AIM = {Architecture.AMD64: 0.6, Architecture.ARM64: 0.7}
_WORKFLOWS = 130
_CROWD = 8


class Results:
    """Rows of the table, shown as they come and whole at the end."""

    def __init__(self) -> None:
        self._console = Console()
        self._table = Table("what", "measured", "aim", title=_title())

    def add(self, what: str, measured: str, aim: str = "") -> None:
        self._console.print(f"{what}: [bold]{measured}[/]", highlight=False)
        self._table.add_row(what, measured, aim)

    def show(self) -> None:
        self._console.print(self._table)


async def bench(count: int) -> None:
    results = Results()
    driver = make_driver(Home.default())
    try:
        for architecture in _ARCHITECTURES:
            await _starts(results, driver, architecture, count)
        for architecture in _ARCHITECTURES:
            await _memory(results, driver, architecture)
            await _throughput(results, driver, architecture)
        await _crowd(results, driver)
    finally:
        await driver.close()
    _plan(results)
    results.show()


async def _starts(
    results: Results, driver: QemuDriver, architecture: Architecture, count: int
) -> None:
    spec = spec_for(architecture)
    began = time.monotonic()
    await driver.prepare(spec)
    results.add(f"{architecture}: template ready (made if there was none)", _s(began))
    async with machines.machine(driver, spec) as running:
        results.add(f"{architecture}: accelerator", running.accelerator)
    cold = await machines.cold_boot(Home.default(), spec)
    results.add(f"{architecture}: cold boot to the runner's Ready", f"{cold:.2f} s")
    found = await machines.starts(driver, spec, count)
    aim = f"≤ {_FIRST_BYTE_AIM[architecture]} s"
    pick: dict[str, Callable[[Start], float]] = {
        "QEMU's process runs": lambda start: start.process,
        "runner's first word": lambda start: start.runner,
        "first byte of the first step": lambda start: start.first_byte,
        "the whole job": lambda start: start.whole_job,
    }
    for what, of in pick.items():
        values = sorted(map(of, found))
        text = f"{median(values):.3f} s ({values[0]:.3f} to {values[-1]:.3f})"
        results.add(
            f"{architecture}: claim → {what}, median of {count}",
            text,
            aim if what.startswith("first byte") else "",
        )


async def _memory(results: Results, driver: QemuDriver, architecture: Architecture) -> None:
    resident, private = await machines.memory_of_waiting(driver, spec_for(architecture))
    text = f"{resident} MiB resident, {private} MiB of it private"
    results.add(f"{architecture}: a waiting 1 GiB machine", text, "≤ 150 MB")


async def _throughput(results: Results, driver: QemuDriver, architecture: Architecture) -> None:
    rate = await machines.log_throughput(driver, spec_for(architecture), mib=64)
    results.add(f"{architecture}: log, guest to host", f"{rate:.1f} MB/s", "≥ 10 MB/s")


async def _crowd(results: Results, driver: QemuDriver) -> None:
    specs = [spec_for(_ARCHITECTURES[index % 2]) for index in range(_CROWD)]
    began = time.monotonic()
    found = await machines.side_by_side(driver, specs)
    last = max(start.first_byte for start in found)
    text = f"all done in {_s(began)}, last first byte after {last:.2f} s"
    results.add(f"{_CROWD} machines at once, half of each architecture", text, "they run")


def _plan(results: Results) -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = plans.write_workflows(Path(folder), _WORKFLOWS)
        seconds = median([plans.time_plan(Path(folder)) for _ in range(5)])
    what = f"mayfly plan of {_WORKFLOWS} workflow files ({size // 1024} KiB)"
    results.add(what, f"{seconds:.2f} s", "≤ 2 s")


def _title() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"


def _s(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--starts", type=int, default=20, help="starts per architecture")
    asyncio.run(bench(parser.parse_args().starts))


if __name__ == "__main__":
    main()
