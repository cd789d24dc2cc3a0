"""The arguments and options that several commands share."""

import re
from pathlib import Path
from typing import Annotated

import typer

from mayfly.domain.errors import InvalidInput

WHAT = "What runs"
VALUES = "What it is given"
HOST = "The machines"
FLEET = "The fleet"

_PROJECT_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"


def project_name(text: str | None) -> str | None:
    """A callback of options that name a project."""
    if text is not None and not re.fullmatch(f"{_PROJECT_PART}/{_PROJECT_PART}", text):
        raise InvalidInput(f"{text!r} is no name of a project", remedy="such as acme/site")
    return text


Workflows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORKFLOW",
        help="Files or names of workflows; without any, all that the event starts.",
        show_default=False,
    ),
]
Repo = Annotated[
    Path,
    typer.Option("--repo", "-C", metavar="FOLDER", help="The clone.", rich_help_panel=WHAT),
]
EventName = Annotated[
    str | None,
    typer.Option(
        "--event",
        "-e",
        metavar="NAME",
        help="The event that happens. (default: push, or what a named workflow is started by)",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
EventFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Its payload (JSON), over the usual one.", rich_help_panel=WHAT
    ),
]
Jobs = Annotated[
    list[str] | None,
    typer.Option(
        "--job",
        "-j",
        metavar="ID",
        help="Only this job and those it needs; may be repeated.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Arch = Annotated[
    list[str] | None,
    typer.Option(
        "--arch",
        "-a",
        metavar="ARCH[,ARCH]",
        help="Run every Linux job on amd64, arm64, or on both side by side.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Matrix = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Only the combinations of a matrix that have it; may be repeated.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Clean = Annotated[
    bool,
    typer.Option("--clean", help="HEAD as committed, not the working tree.", rich_help_panel=WHAT),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="An input of workflow_dispatch.",
        show_default=False,
        rich_help_panel=VALUES,
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        metavar="NAME=VALUE",
        help="A configuration variable (the vars context).",
        show_default=False,
        rich_help_panel=VALUES,
    ),
]
Environment = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME[=VALUE]",
        help="An environment variable for all steps, over those of the workflow.",
        show_default=False,
        rich_help_panel=VALUES,
    ),
]
Secrets = Annotated[
    list[str] | None,
    typer.Option(
        "--secret",
        "-s",
        metavar="NAME[=VALUE]",
        help="A secret; NAME alone takes it from the environment, or asks.",
        show_default=False,
        rich_help_panel=VALUES,
    ),
]
SecretFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="A file of NAME=VALUE lines.",
        show_default=False,
        rich_help_panel=VALUES,
    ),
]
Image = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The image of all machines: a recipe, or a digest of `mayfly image ls`.",
        show_default=False,
        rich_help_panel=HOST,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, nothing else.")]
