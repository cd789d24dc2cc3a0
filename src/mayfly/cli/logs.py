"""`mayfly logs`: what a job printed, and prints."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from mayfly.cli.asking import Server, ask
from mayfly.cli.guest_text import shown
from mayfly.cli.terminal import paint, put, say, wants_colour
from mayfly.cli.words import state_words
from mayfly.domain.errors import ExitCode
from mayfly.domain.events import JobChanged, LogLines, StepFinished, StepStarted
from mayfly.domain.job import Conclusion, JobState
from mayfly.protocol.reports import untag_event

if TYPE_CHECKING:
    from mayfly.cli.client import Client  # httpx takes long to import

Job = Annotated[str, typer.Argument(metavar="JOB", help="An id of `mayfly jobs`.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on until the job has ended; leave with its end.")
]


def logs(job: Job, server: Server = None, *, follow: Follow = False) -> None:
    """Print a job's log; with -f as it is printed, through lost connections."""
    if not follow:
        ask(server, lambda client: _print_all(client, job))
        return
    state = ask(server, lambda client: _follow(client, job))
    if state is not None and state.conclusion not in {Conclusion.SUCCESS, Conclusion.SKIPPED}:
        raise typer.Exit(ExitCode.JOB_FAILED)


async def _print_all(client: "Client", job: str) -> None:
    from mayfly.cli.client import KeptNoLonger

    try:
        async for piece in client.text(f"/jobs/{job}/log.txt"):
            sys.stdout.write(piece)
    except KeptNoLonger as gone:
        say(gone.message)
    sys.stdout.flush()


async def _follow(client: "Client", job: str) -> JobState | None:
    """The state in the end, also when the log is kept no longer."""
    from mayfly.cli.client import KeptNoLonger

    try:
        return await _follow_log(client, job)
    except KeptNoLonger as gone:
        say(gone.message)
        return JobState((await client.get(f"/jobs/{job}"))["state"])


async def _follow_log(client: "Client", job: str) -> JobState | None:
    state: JobState | None = None
    colour = wants_colour(sys.stdout)
    async for told in client.events(f"/jobs/{job}/log"):
        match untag_event(told.event):
            case StepStarted(name=name):
                put(paint(f"▸ {shown(name)}", "bold", colour=colour))
            case LogLines(lines=lines):
                for line in lines:
                    put(shown(line))
            case StepFinished(conclusion=Conclusion.FAILURE, reason=reason):
                put(paint(f"✗ {shown(reason or 'failed')}", "red", colour=colour))
            case JobChanged(state=now, reason=reason):
                state = now
                why = f": {shown(reason)}" if reason else ""
                say(paint(f"{state_words(now)}{why}", "dim", colour=colour))
        sys.stdout.flush()
    return state
