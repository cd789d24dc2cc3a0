"""`mayfly simulate`: how long jobs would wait, beside first come, first served."""

from pathlib import Path
from typing import Annotated

import typer

_GENERATE = "A made-up trace"


def simulate(
    trace: Annotated[
        Path | None,
        typer.Argument(
            metavar="TRACE",
            help="Hosts, projects and jobs: JSON or JSON lines, see docs/scheduling.md.",
            show_default=False,
        ),
    ] = None,
    *,
    generate: Annotated[
        bool,
        typer.Option("--generate", help="Make up a trace.", rich_help_panel=_GENERATE),
    ] = False,
    jobs_per_day: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            min=1,
            max=10_000_000,
            help="How many arrive, at most in the afternoon.",
            rich_help_panel=_GENERATE,
        ),
    ] = 100_000,
    hosts: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            min=1,
            max=100_000,
            help="Of both architectures, most of them small.",
            rich_help_panel=_GENERATE,
        ),
    ] = 1_000,
    projects: Annotated[
        int,
        typer.Option(
            metavar="COUNT",
            min=1,
            max=10_000,
            help="The first of them floods now and then.",
            rich_help_panel=_GENERATE,
        ),
    ] = 50,
    hours: Annotated[
        float,
        typer.Option(
            metavar="HOURS",
            min=0.1,
            max=24 * 31,
            help="How long jobs arrive, from 9 in the morning on.",
            rich_help_panel=_GENERATE,
        ),
    ] = 24,
    busy: Annotated[
        float,
        typer.Option(
            metavar="PART",
            min=0.01,
            max=2,
            help="Which part of all vCPU the jobs need on average.",
            rich_help_panel=_GENERATE,
        ),
    ] = 0.7,
    seed: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", help="Another one gives other jobs.", rich_help_panel=_GENERATE
        ),
    ] = 1,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the trace there as JSON lines.",
            show_default=False,
            rich_help_panel=_GENERATE,
        ),
    ] = None,
    bound: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="A job that has waited so long comes first."),
    ] = 600,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output.")
    ] = False,
) -> None:
    """Let a day pass in a minute: waiting times, use and fairness of the scheduler.

    Runs a trace of jobs through the scheduler in made-up time, then with every job expected to take
    ten minutes, and then first come, first served.

    mayfly simulate --generate --jobs-per-day 1000000 --hosts 10000
    """
    from mayfly.cli.simulating import read, run_all, write
    from mayfly.domain.errors import InvalidInput
    from mayfly.server.simulator.generate import Load
    from mayfly.server.simulator.generate import generate as make

    if generate == (trace is not None):
        raise InvalidInput("give either a TRACE or --generate", remedy="mayfly simulate --help")
    if trace is not None:
        chosen = read(trace)
    else:
        chosen = make(Load(jobs_per_day, hosts, projects, hours, busy, seed))
        if save is not None:
            write(chosen, save)
    run_all(chosen, bound, json=json)
