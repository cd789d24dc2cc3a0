"""`mayfly plan`: what would run, where, in what order, and why anything would not."""

import asyncio
from pathlib import Path

import typer

from mayfly.cli import arguments
from mayfly.domain.errors import ExitCode


def plan(
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
    image: arguments.Image = None,
    json: arguments.Json = False,
) -> None:
    """Show what would run, where, in what order, and why anything is skipped or refused.

    Nothing is started, built or fetched. Leaves with 2 if `mayfly run` would refuse to start.
    """
    from mayfly.cli.complaints import Complaints
    from mayfly.cli.plan_view import as_json, as_text
    from mayfly.cli.planning import make_outlook
    from mayfly.cli.request import read_request
    from mayfly.cli.terminal import put, wants_colour

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
        secrets={},
        image=image,
        clean=clean,
    )
    complaints.raise_any()
    outlook = asyncio.run(make_outlook(request))
    import sys

    put(as_json(outlook) if json else as_text(outlook, colour=wants_colour(sys.stdout)))
    if outlook.refused:
        raise typer.Exit(ExitCode.INVALID)
