"""An agent as `mayfly agent run` makes it, on dummy machines: HOME METRICS [SUCCESSOR…]."""

import asyncio
import signal
import sys
from decimal import Decimal
from pathlib import Path

from mayfly.agent.job import JobSettings
from mayfly.agent.running import AgentOptions, run_agent
from mayfly.agent.session import SessionSettings
from mayfly.cli.running import run_command
from mayfly.domain.architecture import Architecture
from mayfly.domain.placement import Capacity
from mayfly.machines.dummy.driver import DummyDriver
from mayfly.machines.network.base import NetworkPolicy
from mayfly.server.logs import configure_logs
from mayfly.system.home import Home


def main(folder: str, metrics: str, *command: str) -> int:
    home = Home(Path(folder))
    options = AgentOptions(
        settings=JobSettings(NetworkPolicy(), SessionSettings()),
        capacity=Capacity(Decimal(8), 1 << 20, frozenset(Architecture)),
        accelerators={"amd64": "none"},
        command=command or [sys.executable, *sys.argv],
        drain_s=60,
        metrics=metrics,
    )

    async def work(stopping: asyncio.Event) -> int:
        replacing = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, replacing.set)
        await run_agent(home, options, lambda _images: DummyDriver(), stopping, replacing)
        return 0

    configure_logs(as_json=True)
    return run_command(work, home, graceful=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
