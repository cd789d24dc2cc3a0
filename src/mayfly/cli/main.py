"""The entry point: puts the commands together, prints errors, chooses the exit code.

0 all succeeded · 1 a job failed · 2 the workflow or the command line is wrong · 3 this host cannot
· 70 a defect of Mayfly (its traceback is in logs/mayfly.log) · 130 interrupted

A command's module imports what it needs when it is called, so that `mayfly plan` and the shell's
completion start at once.
"""

import errno
import signal
import sys
import traceback
from typing import Annotated, NoReturn

import typer

import mayfly
from mayfly.cli import (
    acting,
    agent,
    backup,
    doctor,
    gc,
    image,
    listing,
    login,
    logs,
    plan,
    run,
    serve,
    shell,
    simulate,
    up,
)
from mayfly.domain.errors import ExitCode, HostCannot, MayflyError

_HELP = """Run a repository's own CI workflows, every job in a fresh microVM, on amd64 and arm64.

[bold]Examples[/bold]

  mayfly run                            what a push would run, in this clone

  mayfly run ci.yml --arch amd64,arm64  one workflow on both, side by side

  mayfly run --job test --keep-on-failure

  mayfly plan --event pull_request      what would run, where, and why not

  mayfly doctor                         what this host can do, and remedies

Exit status: 0 all succeeded, 1 a job failed, 2 the workflow or the command
line is wrong, 3 this host cannot, 70 a defect of Mayfly, 130 interrupted.
"""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_MAKE_ROOM = "mayfly doctor shows space and memory; mayfly gc --images frees some"

app = typer.Typer(
    name="mayfly",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("plan")(plan.plan)
app.command("doctor")(doctor.doctor)
app.add_typer(image.app, name="image")
app.command("shell")(shell.shell)
app.command("gc")(gc.gc)
app.command("up")(up.up)
app.command("serve")(serve.serve)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("reseal")(backup.reseal)
app.command("login")(login.login)
app.command("logout")(login.logout)
for _command in (listing.runs, listing.jobs, listing.hosts, logs.logs):
    app.command(_command.__name__)(_command)
for _change in (acting.cancel, acting.retry, acting.approve, acting.drain, acting.undrain):
    app.command(_change.__name__)(_change)
app.add_typer(agent.app, name="agent")
app.command("simulate")(simulate.simulate)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mayfly {mayfly.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    # Before a command takes the signals over, one ends us as it should: cleanly, with 130.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(ExitCode.INTERRUPTED))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(prog_name="mayfly")
    except MayflyError as error:
        _leave(error)
    except Exception as error:  # noqa: BLE001 (the one place where our own defects end)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _leave(HostCannot(f"this host has run out of something: {error}", remedy=_MAKE_ROOM))
        traceback.print_exception(error)
        sys.stderr.write("error: this is a defect of Mayfly, please report it with these lines\n")
        sys.exit(ExitCode.DEFECT)
    sys.exit(ExitCode.OK)


def _leave(error: MayflyError) -> NoReturn:
    from mayfly.cli.present import print_error

    print_error(error)
    sys.exit(error.exit_code)
