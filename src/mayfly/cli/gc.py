"""`mayfly gc`: removes what killed runs left behind, and images nobody needs."""

import asyncio
from typing import Annotated

import typer


def gc(
    images: Annotated[
        bool,
        typer.Option("--images", help="Also images without a name, and templates out of use."),
    ] = False,
) -> None:
    """Remove what killed runs left behind: processes, networks, disks, sockets, files."""
    from mayfly.cli.fleet import reap
    from mayfly.cli.running import run_command
    from mayfly.cli.terminal import put
    from mayfly.system.home import Home

    home = Home.default()

    async def main(_stop: asyncio.Event) -> int:
        gone = await reap(home)
        for line in gone:
            put(f"removed {line}")
        if not gone:
            put("nothing was left behind")
        return 0

    raise typer.Exit(run_command(main, home))
