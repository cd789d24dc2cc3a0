"""What `mayfly agent run` puts together: checks, leftovers, configuration, driver, signals."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mayfly.agent.doctor import examine
from mayfly.agent.job import JobSettings
from mayfly.agent.main import accelerators, host_capacity, make_driver
from mayfly.agent.membership import MembershipFile
from mayfly.agent.running import AgentOptions, run_agent
from mayfly.agent.session import SessionSettings
from mayfly.cli.complaints import Complaints
from mayfly.cli.fleet import reap
from mayfly.cli.hosting import read_hosting
from mayfly.domain.errors import HostCannot
from mayfly.domain.finding import Severity
from mayfly.domain.placement import Capacity
from mayfly.services.config import load_config
from mayfly.system.home import Home
from mayfly.system.tasks import first, stop

_log = logging.getLogger(__name__)


async def start_agent(
    home: Home,
    stopping: asyncio.Event,
    *,
    metrics: str | None,
    reserve_mib: int,
    drain_s: float,
    pool: bool,
) -> None:
    """See `agent.running.run_agent`; ends at once when told to before it began. MayflyError."""
    replacing = asyncio.Event()
    if not sys.stdin.isatty():  # where there is a terminal, the signal says that it is gone
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, replacing.set)
    MembershipFile(home).load()
    checking = asyncio.create_task(_accelerators(home))
    try:
        await first(asyncio.wait([checking]), stopping.wait())
        if stopping.is_set():
            return
        options = AgentOptions(
            settings=_settings(home),
            capacity=_capacity(reserve_mib),
            accelerators=checking.result(),
            command=_own_command(),
            drain_s=drain_s,
            metrics=metrics,
            pool=pool,
        )
    finally:
        await stop(checking)
    await run_agent(
        home, options, lambda images: make_driver(home, images=images), stopping, replacing
    )


async def _accelerators(home: Home) -> dict[str, str]:
    """What machines run with here, once all is well; trying KVM may take some seconds."""
    await _check(home)
    for line in await reap(home):
        _log.info("removed %s", line)
    return await accelerators(home)


async def _check(home: Home) -> None:
    """Raises HostCannot with all that is wrong; the rest goes to the log."""
    findings = await examine(home)
    for finding in findings:
        if finding.severity is Severity.WARN:
            _log.warning("%s", finding.text, extra={"remedy": finding.remedy})
    failed = [finding for finding in findings if finding.severity is Severity.FAIL]
    if failed:
        raise HostCannot(
            "; ".join(finding.text for finding in failed),
            remedy="; ".join(finding.remedy for finding in failed if finding.remedy),
        )


def _capacity(reserve_mib: int) -> Capacity:
    """What jobs may have: what `mayfly run` could give a machine, but for the reserve."""
    capacity = host_capacity()
    return replace(capacity, memory_mib=max(0, capacity.memory_mib - reserve_mib))


def _settings(home: Home) -> JobSettings:
    complaints = Complaints()
    hosting = read_hosting(
        complaints,
        load_config(home),
        allow_net=(),
        no_network=False,
        dns=None,
        disk=None,
        log_limit=None,
        fit=False,
        keep_on_failure=False,
    )
    complaints.raise_any()
    return JobSettings(hosting.network, SessionSettings(hosting.log_limit), hosting.disk_gib)


def _own_command() -> Sequence[str]:
    """Starts the program that lies in the place of this one now, which may be a newer one."""
    program = sys.argv[0]
    if Path(program).is_absolute() and os.access(program, os.X_OK):
        return sys.argv
    return sys.orig_argv
