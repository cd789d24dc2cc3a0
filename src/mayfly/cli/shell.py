"""`mayfly shell`: an interactive machine, or the kept machine of a failed job."""

import asyncio
from typing import Annotated

import typer

from mayfly.domain.labels import DEFAULT_CPU, DEFAULT_IMAGE, DEFAULT_MEMORY_MIB


def shell(
    machine: Annotated[
        str | None,
        typer.Argument(
            metavar="MACHINE", help="A kept machine, as `mayfly run --keep-on-failure` named it."
        ),
    ] = None,
    *,
    image: Annotated[
        str, typer.Option(metavar="NAME", help="A recipe, or a digest of `mayfly image ls`.")
    ] = DEFAULT_IMAGE,
    arch: Annotated[
        str | None,
        typer.Option(
            "--arch",
            "-a",
            metavar="ARCH",
            help="amd64 or arm64. (default: this host's)",
            show_default=False,
        ),
    ] = None,
    cpu: Annotated[int, typer.Option(metavar="COUNT", min=1, help="Virtual CPUs.")] = int(
        DEFAULT_CPU
    ),
    memory: Annotated[
        float, typer.Option(metavar="GIB", min=0.25, help="Memory.")
    ] = DEFAULT_MEMORY_MIB / 1024,
    user: Annotated[str, typer.Option(metavar="NAME", help="Who to be.")] = "runner",
    no_network: Annotated[bool, typer.Option("--no-network", help="No network at all.")] = False,
) -> None:
    """Open a shell in a fresh machine, thrown away afterwards, or in a kept one.

    Ctrl-] three times within a second leaves a machine that does not answer.
    The exit status is the shell's.
    """
    from mayfly.cli.home import writable_home
    from mayfly.cli.running import run_command
    from mayfly.cli.shell_machine import Wanted, visit_fresh, visit_kept
    from mayfly.domain.architecture import Architecture
    from mayfly.domain.errors import InvalidInput

    home = writable_home()
    try:
        architecture = Architecture.parse(arch) if arch else Architecture.of_host()
    except ValueError as error:
        raise InvalidInput(f"--arch: {error}") from error
    wanted = Wanted(image, architecture, cpu, int(memory * 1024), network=not no_network)

    async def main(_stop: asyncio.Event) -> int:
        if machine is not None:
            return await visit_kept(home, machine, user)
        return await visit_fresh(home, wanted, user)

    raise typer.Exit(run_command(main, home))
