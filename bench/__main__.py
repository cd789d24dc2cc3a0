"""`make bench`: measures this host and prints one table, with the aims beside the figures."""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import fleet, machines, pages, plans, scheduling, starts, webhooks
from bench.machines import Start, median, spec_for
from mayfly.agent.main import make_driver
from mayfly.domain.architecture import Architecture
from mayfly.machines.qemu.driver import QemuDriver
from mayfly.system.home import Home

_ARCHITECTURES = (Architecture.AMD64, Architecture.ARM64)
_FIRST_BYTE = "the first step's first byte"
_AIMS = {Architecture.AMD64: "≤ 0.6 s", Architecture.ARM64: "≤ 0.7 s"}
_FLEET_AIMS = {True: "≤ 0.15 s", False: "≤ 0.8 s"}
_WARM_AIMS = {Architecture.AMD64: "≤ 0.15 s", Architecture.ARM64: ""}
_WORKFLOWS = 130
_CROWD = 8
_JOBS = 1000
_LINES = 30
_WIDTH = 120  # of a table in a file
_QUEUED, _HOSTS, _CLAIMS = 100_000, 10_000, 3_000


class Results:
    """One row a measure, one column an architecture; told as they come, shown whole at the end."""

    def __init__(self) -> None:
        self._console = Console(width=None if sys.stdout.isatty() else _WIDTH)
        self._rows: dict[str, dict[str, str]] = {}

    def add(
        self, what: str, measured: str, *, on: Architecture | None = None, aim: str = ""
    ) -> None:
        self._console.print(f"{on or 'host'}: {what}: [bold]{measured}[/]", highlight=False)
        row = self._rows.setdefault(what, {"aim": ""})
        row["host" if on is None else on.value] = measured
        row["aim"] = f"{row['aim']}, {aim}".strip(", ") if aim not in row["aim"] else row["aim"]

    def show(self) -> None:
        table = Table("what", "amd64", "arm64", "host", "aim", title=_title())
        for what, row in self._rows.items():
            table.add_row(what, *(row.get(key, "") for key in ("amd64", "arm64", "host", "aim")))
        self._console.print(table)


async def bench(count: int) -> None:
    results = Results()
    driver = make_driver(Home.default())
    try:
        for architecture in _ARCHITECTURES:
            await _starts(results, driver, architecture, count)
            await _memory(results, driver, architecture)
            await _throughput(results, driver, architecture)
        await _crowd(results, driver)
    finally:
        await driver.close()
    for architecture in _ARCHITECTURES:
        await _fleet(results, architecture, count)
    _plan(results)
    _claims(results)
    await _server(results)
    results.show()


async def _server(results: Results) -> None:
    """What a server bears, over each database."""
    for database, (rate, p50, p99) in (await asyncio.to_thread(webhooks.measure, 5000)).items():
        what = f"webhooks accepted and stored, {database}"
        results.add(what, f"{rate}\np50 {p50}, p99 {p99}", aim=webhooks.AIMS[database])
    for database, jobs in (await fleet.jobs_per_second(_JOBS)).items():
        what = f"{_JOBS:,} jobs queued → finished, two agents of dummy machines, {database}"
        results.add(what, f"{jobs:.0f}/s", aim="≥ 100/s")
    first, *rest = await pages.seconds(31)
    text = f"{1000 * median(sorted(rest)):.0f} ms\nthe first {1000 * first:.0f} ms"
    results.add(f"the page `now`, {pages.QUEUED:,} jobs queued", text, aim="≤ 100 ms")


async def _starts(
    results: Results, driver: QemuDriver, architecture: Architecture, count: int
) -> None:
    spec = spec_for(architecture)
    await driver.prepare(spec)
    async with machines.machine(driver, spec) as running:
        results.add("accelerator", running.accelerator, on=architecture)
    await _warm(results, architecture, count)
    cold = await machines.cold_boot(Home.default(), spec)
    results.add("cold boot to Ready, once", f"{cold:.1f} s", on=architecture)
    found = await machines.starts(driver, spec, count)
    pick: dict[str, Callable[[Start], float]] = {
        "QEMU runs": lambda start: start.process,
        "the runner's first word": lambda start: start.runner,
        _FIRST_BYTE: lambda start: start.first_byte,
        "the job is done": lambda start: start.whole_job,
    }
    for what, of in pick.items():
        values = sorted(map(of, found))
        text = f"{median(values):.3f} s\n{values[0]:.3f} to {values[-1]:.3f}"
        aim = _AIMS[architecture] if what == _FIRST_BYTE else ""
        results.add(f"claim → {what}; median of {count}", text, on=architecture, aim=aim)


async def _warm(results: Results, architecture: Architecture, count: int) -> None:
    found = await machines.warm_starts(Home.default(), spec_for(architecture), count)
    values = sorted(start.first_byte for start in found)
    text = f"{median(values):.3f} s\n{values[0]:.3f} to {values[-1]:.3f}"
    what = f"warm machine: claim → first byte; median of {count}"
    results.add(what, text, on=architecture, aim=_WARM_AIMS[architecture])


async def _fleet(results: Results, architecture: Architecture, count: int) -> None:
    for warm, aim in _FLEET_AIMS.items():
        values = sorted(await starts.measure(architecture, count, warm=warm))
        text = f"{median(values):.3f} s\n{values[0]:.3f} to {values[-1]:.3f}"
        kind = "a warm machine" if warm else "a snapshot"
        what = f"fleet: queued → first byte, from {kind}; median of {count}"
        results.add(what, text, on=architecture, aim=aim)
    told = sorted(await starts.lines(architecture, _LINES))
    text = f"{median(told):.3f} s\nat most {told[-1]:.3f}"
    what = f"fleet: a line is printed → `mayfly logs -f` has it; median of {_LINES}"
    results.add(what, text, on=architecture, aim="≤ 0.3 s")


async def _memory(results: Results, driver: QemuDriver, architecture: Architecture) -> None:
    for warm in (False, True):
        found = await machines.waiting(driver, spec_for(architecture), warm=warm)
        kind = "warm" if warm else "waiting"
        aim = "" if warm else "≤ 150 MB"
        what = f"a {kind} 1 GiB machine, resident"
        results.add(what, f"{found.resident} MiB", on=architecture, aim=aim)
        results.add(f"its own of a {kind} one", f"{found.private} MiB", on=architecture)
        results.add(f"a {kind} one's share of a CPU", f"{found.cpu:.1%}", on=architecture)


async def _throughput(results: Results, driver: QemuDriver, architecture: Architecture) -> None:
    rate = await machines.log_throughput(driver, spec_for(architecture), mib=64)
    results.add("log, guest to host", f"{rate:.1f} MB/s", on=architecture, aim="≥ 10 MB/s")


async def _crowd(results: Results, driver: QemuDriver) -> None:
    specs = [spec_for(_ARCHITECTURES[index % 2]) for index in range(_CROWD)]
    found = await machines.side_by_side(driver, specs)
    last = max(start.first_byte for start in found)
    results.add(
        f"{_CROWD} machines at once, half of each: last first byte", f"{last:.2f} s", aim="they run"
    )


def _plan(results: Results) -> None:
    with tempfile.TemporaryDirectory() as folder:
        size = plans.write_workflows(Path(folder), _WORKFLOWS)
        seconds = median([plans.time_plan(Path(folder), _WORKFLOWS) for _ in range(5)])
    what = f"mayfly plan of {_WORKFLOWS} workflow files ({size // 1024} KiB)"
    results.add(what, f"{seconds:.2f} s", aim="≤ 2 s")


def _claims(results: Results) -> None:
    timed = scheduling.time_claims(_QUEUED, _HOSTS, _CLAIMS)
    values = sorted(timed.claims)
    p99 = values[int(len(values) * 0.99)]
    text = f"{1000 * median(values):.2f} ms\np99 {1000 * p99:.2f} ms"
    what = f"a host chooses of {_QUEUED:,} queued jobs on {_HOSTS:,} hosts; median of {_CLAIMS:,}"
    results.add(what, text, aim="p99 ≤ 5 ms")
    review = f"{1000 * median(timed.reviews):.0f} ms"
    results.add("hosts are kept for jobs past their bound, once a second", review)


def _title() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--starts", type=int, default=20, help="starts per architecture")
    asyncio.run(bench(parser.parse_args().starts))


if __name__ == "__main__":
    main()
