"""`mayfly agent`: this host works for a server."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mayfly.cli.asking import Server, ask
from mayfly.cli.terminal import put, say

app = typer.Typer(name="agent", help="Let this host run jobs for a server.", no_args_is_help=True)

Pool = Annotated[
    bool, typer.Option(help="Keep machines waiting for jobs, from room that no job has.")
]


@app.command()
def token(
    server: Server = None,
    *,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL", help="The host gets it; may be repeated.", show_default=False
        ),
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0.1, max=24 * 7, help="How long it may be used.")
    ] = 1.0,
) -> None:
    """Make a token that enrols one host, once; as an administrator."""
    wanted = {"labels": label or [], "ttl_s": hours * 3600}
    made = ask(server, lambda client: client.post("/enrolments", wanted))
    say(f"on the host, within {hours:g} h: mayfly agent enroll --server URL --token …")
    put(made["token"])


@app.command()
def enroll(
    *,
    server: Annotated[str, typer.Option(metavar="URL", help="How this host reaches the server.")],
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            envvar="MAYFLY_ENROLMENT_TOKEN",
            help="Good once; an administrator gets it from the server.",
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="By default its host name.", show_default=False),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="LABEL", help="May be repeated.", show_default=False),
    ] = None,
    cpu_factor: Annotated[
        float, typer.Option(min=0.1, max=16, help="How often each vCPU is given out.")
    ] = 2.0,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            resolve_path=True,
            help="Certificates to trust besides the system's.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make this host one of a server's; once."""
    import socket
    import time

    from mayfly.agent import enrol
    from mayfly.agent.connection import Connection, reach
    from mayfly.agent.membership import Membership, MembershipFile
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command

    home = writable_home()
    membership = Membership(
        server=server,
        host=name or socket.gethostname().lower(),
        key=enrol.new_key(),
        since=time.time(),
        cpu_factor=cpu_factor,
        ca_file=str(ca_file) if ca_file else None,
    )

    async def main(_stop: asyncio.Event) -> int:
        async with reach(server, ca_file) as http:
            connection = Connection(http, lambda: membership.key)
            await enrol.enroll(connection, MembershipFile(home), membership, token, label or ())
        put(f"this host is {membership.host} of {server}; start it with: mayfly agent run")
        return 0

    raise typer.Exit(run_command(main, home))


@app.command()
def run(
    *,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS:PORT",
            help="Serve Prometheus metrics there, for example 127.0.0.1:9101.",
            show_default=False,
        ),
    ] = None,
    reserve_gib: Annotated[
        float,
        typer.Option(metavar="GIB", min=0, help="Memory to leave free besides what Mayfly needs."),
    ] = 0.0,
    drain_minutes: Annotated[
        float,
        typer.Option(metavar="MIN", min=0, help="How long jobs may go on after SIGTERM."),
    ] = 60.0,
    pool: Pool = True,
    json_logs: Annotated[
        bool | None,
        typer.Option(help="One JSON object a line. (default: unless on a terminal)"),
    ] = None,
) -> None:
    """Run jobs for the server that this host was enrolled with.

    SIGTERM lets running jobs end, a second one ends them at once. SIGHUP starts
    a new agent that takes over; this one ends with its last job.
    """
    import sys

    from mayfly.cli.agent_start import start_agent
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.server.logs import configure_logs

    home = writable_home()
    as_json = not sys.stderr.isatty() if json_logs is None else json_logs

    async def main(stop: asyncio.Event) -> int:
        await start_agent(
            home,
            stop,
            metrics=metrics,
            reserve_mib=int(reserve_gib * 1024),
            drain_s=drain_minutes * 60,
            pool=pool,
        )
        return 0

    configure_logs(as_json=as_json)
    raise typer.Exit(run_command(main, home, graceful=True))
