"""A Mayfly to be killed: runs a workflow, and prints a line for each thing that happens.

python killed_run.py HOME WORKFLOW
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.workflow.simulation import Run

from mayfly.cli.fleet import FleetOptions, run_plans
from mayfly.domain.events import Event, JobChanged, Preparing
from mayfly.system.home import Home


async def no_sources(_action: str | None) -> AsyncIterator[bytes]:
    return
    yield b""


def tell(event: Event) -> None:
    what = type(event).__name__
    if isinstance(event, JobChanged):
        what = event.state.value
    elif isinstance(event, Preparing):
        what = event.stage
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


async def main(home: Home, workflow: str) -> None:
    options = FleetOptions(home, no_sources, keep_on_failure=True)
    await run_plans([Run(workflow).plan], options, tell, asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(Home(Path(sys.argv[1])), Path(sys.argv[2]).read_text()))
