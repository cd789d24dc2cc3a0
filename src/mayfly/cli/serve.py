"""`mayfly serve`: a server; start as many as there are addresses, over one database."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Instead of server.toml in MAYFLY_HOME.",
        show_default=False,
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="postgresql://…, or sqlite:///FILE (default: a file in MAYFLY_HOME).",
        show_default=False,
    ),
]
Blobs = Annotated[
    str | None,
    typer.Option(
        "--blobs",
        metavar="PLACE",
        help="A folder, or s3://BUCKET/PREFIX (default: a folder in MAYFLY_HOME).",
        show_default=False,
    ),
]
Listen = Annotated[
    str | None,
    typer.Option(
        "--listen", metavar="ADDRESS:PORT", help="By default 127.0.0.1:8080.", show_default=False
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        help="How people, hosts and forges reach it.",
        show_default=False,
    ),
]
JsonLogs = Annotated[bool, typer.Option("--json-logs", help="One JSON object a line.")]


def serve(
    *,
    config: Config = None,
    database: Database = None,
    blobs: Blobs = None,
    listen: Listen = None,
    base_url: BaseUrl = None,
    json_logs: JsonLogs = False,
) -> None:
    """Run a server: queue, API, dashboard. Replicas share one PostgreSQL.

    The first start prints a token for the first administrator. SIGTERM ends it
    in order; hosts keep their jobs running meanwhile.
    """
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.cli.terminal import say
    from mayfly.server.config import load_server_config
    from mayfly.server.logs import configure_logs
    from mayfly.server.main import Up
    from mayfly.server.main import serve as run_server

    home = writable_home()
    chosen = load_server_config(
        home, config, database=database, blobs=blobs, listen=listen, base_url=base_url
    )

    def started(up: Up) -> None:
        say(f"serving on {up.url}")
        if up.token:
            say(f"the first administrator signs in with: {up.token}")

    async def main(stop: asyncio.Event) -> int:
        await run_server(chosen, home, stop, started)
        return 0

    configure_logs(as_json=json_logs)
    raise typer.Exit(run_command(main, home, graceful=True))
