"""Prints docs/cli.md: every command with its arguments and options, from the program itself."""

import re
from collections.abc import Iterator
from typing import Any

import typer

from mayfly.cli.main import app

INTRODUCTION = """\
# Command line

Made by `make docs` from the program itself.

What was asked for goes to standard output, errors to standard error. On a terminal `mayfly run`
shows a live view, otherwise plain lines, with `--json` one JSON object a line. `NO_COLOR` turns
colours off, `CI` the live view. `mayfly --install-completion` teaches the shell to complete
commands. Exit statuses are in the [README](../README.md#exit-status).

Environment: `MAYFLY_HOME` (where Mayfly keeps its files), `MAYFLY_SCRATCH` (where the disks of
running jobs are, by default `/tmp`).
"""

_MARKUP = re.compile(r"\[/?(?:bold|dim|italic)\]")


def pages(command: Any, name: str) -> Iterator[str]:
    """One page for each command that does something, in the order of the help."""
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        yield page(command, name)
    for key, subcommand in subcommands.items():
        yield from pages(subcommand, f"{name} {key}")


def page(command: Any, name: str) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    options = [param for param in command.params if param.param_type_name == "option"]
    usage = " ".join([name, *map(placeholder, arguments), "[OPTIONS]"])
    text = f"## {name}\n\n`{usage}`\n\n{plain(command.help)}\n"
    if arguments:
        rows = "".join(f"| `{placeholder(param)}` | {cell(param.help)} |\n" for param in arguments)
        text += f"\n| argument | |\n| --- | --- |\n{rows}"
    if options:
        rows = "".join(f"| {spelled(param)} | {cell(param.help)} |\n" for param in options)
        text += f"\n| option | |\n| --- | --- |\n{rows}"
    return text


def placeholder(param: Any) -> str:
    if param.metavar:
        return str(param.metavar)
    return str(param.name.upper()) if param.required else f"[{param.name.upper()}]"


def spelled(option: Any) -> str:
    value = "" if option.is_flag else f" {placeholder(option)}"
    names = [*sorted(option.opts, key=len, reverse=True), *option.secondary_opts]
    return ", ".join(f"`{name}{value}`" for name in names)


def plain(text: str | None) -> str:
    return _MARKUP.sub("", text or "").strip()


def cell(text: str | None) -> str:
    return plain(text).replace("\n", " ").replace("|", "\\|")


def document() -> str:
    command = typer.main.get_command(app)
    return "\n".join([INTRODUCTION, *pages(command, "mayfly")])


if __name__ == "__main__":
    print(document(), end="")
