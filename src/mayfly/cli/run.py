"""`mayfly run`: runs workflows of a clone, every job in a fresh machine of its own.

The main flow: read the command line → `launch.launch` (choose, fetch, plan, run) → a view.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from mayfly.cli import arguments

Fit = Annotated[
    bool,
    typer.Option(
        "--fit",
        help="Take the nearest size this host serves where a job asks for more.",
        rich_help_panel=arguments.HOST,
    ),
]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep-on-failure",
        help="Leave machines of failed jobs to `mayfly shell`, until Ctrl-C.",
        rich_help_panel=arguments.HOST,
    ),
]
AllowNet = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CIDR[:PORT]",
        help="Let machines reach this private address too; may be repeated.",
        show_default=False,
        rich_help_panel=arguments.HOST,
    ),
]
NoNetwork = Annotated[
    bool,
    typer.Option("--no-network", help="No network at all.", rich_help_panel=arguments.HOST),
]
Dns = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The name server of machines. (default: the host's own)",
        show_default=False,
        rich_help_panel=arguments.HOST,
    ),
]
Disk = Annotated[
    int | None,
    typer.Option(
        metavar="GIB",
        min=1,
        max=4096,
        help="Size of the disk that is thrown away with the machine. (default: 24)",
        show_default=False,
        rich_help_panel=arguments.HOST,
    ),
]
LogLimit = Annotated[
    int | None,
    typer.Option(
        metavar="MIB",
        min=1,
        help="How much a job may print before it fails. (default: 64)",
        show_default=False,
        rich_help_panel=arguments.HOST,
    ),
]

Events = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Write what --json prints to a file, too.", show_default=False
    ),
]

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Run on the fleet of this server instead; see `mayfly login`.",
        show_default=False,
        rich_help_panel=arguments.FLEET,
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="OWNER/NAME",
        help="Whose runs these are there. (default: the clone's own repository)",
        show_default=False,
        callback=arguments.project_name,
        rich_help_panel=arguments.FLEET,
    ),
]


def run(
    workflows: arguments.Workflows = None,
    *,
    repo: arguments.Repo = Path(),
    event: arguments.EventName = None,
    event_file: arguments.EventFile = None,
    job: arguments.Jobs = None,
    arch: arguments.Arch = None,
    matrix: arguments.Matrix = None,
    clean: arguments.Clean = False,
    input_: arguments.Inputs = None,
    var: arguments.Variables = None,
    env: arguments.Environment = None,
    secret: arguments.Secrets = None,
    secret_file: arguments.SecretFiles = None,
    image: arguments.Image = None,
    fit: Fit = False,
    keep_on_failure: Keep = False,
    allow_net: AllowNet = None,
    no_network: NoNetwork = False,
    dns: Dns = None,
    disk: Disk = None,
    log_limit: LogLimit = None,
    server: Server = None,
    project: Project = None,
    json: arguments.Json = False,
    events: Events = None,
) -> None:
    """Run workflows of this clone, every job in a fresh microVM.

    Without arguments: what a push would run. With --arch amd64,arm64 every
    Linux job runs on both, side by side, and a table says where they differ.
    """
    from mayfly.cli import values
    from mayfly.cli.complaints import Complaints
    from mayfly.cli.home import writable_home
    from mayfly.cli.hosting import read_hosting
    from mayfly.cli.launch import Fleet, launch
    from mayfly.cli.request import read_request
    from mayfly.cli.running import run_command
    from mayfly.cli.servers import choose_account
    from mayfly.domain.errors import InvalidInput
    from mayfly.services.config import load_config

    home = writable_home()
    config = load_config(home)
    complaints = Complaints()
    request = read_request(
        complaints,
        workflows=workflows,
        repo=repo,
        event=event,
        event_file=event_file,
        jobs=job,
        arch=arch,
        matrix=matrix,
        inputs=input_,
        variables=var,
        environment=env,
        secrets=values.secrets(secret or (), secret_file or (), complaints),
        image=image,
        clean=clean,
    )
    hosting = read_hosting(
        complaints,
        config,
        allow_net=allow_net or (),
        no_network=no_network,
        dns=dns,
        disk=disk,
        log_limit=log_limit,
        fit=fit,
        keep_on_failure=keep_on_failure,
    )
    complaints.raise_any()

    fleet = None
    if server is not None:
        if keep_on_failure or disk or log_limit or allow_net or no_network or dns:
            raise InvalidInput("these options are for machines of this host; --server has its own")
        fleet = Fleet(choose_account(home, server or None), project)

    async def main(stop: asyncio.Event) -> int:
        return await launch(
            home, config, request, hosting, stop, json=json, events=events, fleet=fleet
        )

    raise typer.Exit(run_command(main, home, graceful=True))
