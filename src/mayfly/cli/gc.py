"""`mayfly gc`: removes what killed runs left behind, and on request what nobody needs."""

import asyncio
import time
from typing import Annotated

import typer

_DAY_S = 24 * 3600


def gc(
    images: Annotated[
        bool,
        typer.Option("--images", help="Also images that newer ones replaced, and old templates."),
    ] = False,
    days: Annotated[
        int,
        typer.Option(metavar="DAYS", min=0, help="A template is old when unused for so long."),
    ] = 7,
) -> None:
    """Remove what killed runs left behind: processes, networks, disks, sockets, files.

    Every run does the same before it starts. What other runs use now is left alone.
    """
    from mayfly.agent.prune import prune
    from mayfly.cli.fleet import reap
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.cli.terminal import put

    home = writable_home()

    async def main(_stop: asyncio.Event) -> int:
        gone = await reap(home)
        if images:
            gone += await asyncio.to_thread(prune, home, days * _DAY_S, time.time())
        for line in gone:
            put(f"removed {line}")
        if not gone:
            put("nothing was left behind")
        return 0

    raise typer.Exit(run_command(main, home))
