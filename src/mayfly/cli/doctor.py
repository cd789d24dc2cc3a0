"""`mayfly doctor`: what this host can do, each finding with its remedy."""

import asyncio

import typer

from mayfly.cli import arguments


def doctor(json: arguments.Json = False) -> None:
    """Say what this host can do, and what to do about what it cannot.

    Leaves with 3 if some command of Mayfly cannot work here.
    """
    from mayfly.agent.doctor import examine
    from mayfly.cli.findings import as_json, as_text
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.cli.terminal import put, wants_colour
    from mayfly.domain.errors import ExitCode
    from mayfly.domain.finding import Severity

    home = writable_home()

    async def main(_stop: asyncio.Event) -> int:
        import sys

        findings = await examine(home)
        put(as_json(findings) if json else as_text(findings, colour=wants_colour(sys.stdout)))
        failed = any(finding.severity is Severity.FAIL for finding in findings)
        return ExitCode.HOST if failed else ExitCode.OK

    raise typer.Exit(run_command(main, home))
