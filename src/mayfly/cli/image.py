"""`mayfly image`: build, list, look at, remove guest images, and give them to servers."""

import asyncio
from functools import partial
from typing import Annotated

import typer

from mayfly.cli import arguments
from mayfly.cli.asking import Server, ask
from mayfly.domain.architecture import Architecture

app = typer.Typer(no_args_is_help=True, help="Build, list, inspect and remove guest images.")

Recipe = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A built-in recipe, or the path of a .toml file.")
]
Ref = Annotated[str, typer.Argument(metavar="IMAGE", help="A name, or the start of a digest.")]
Arch = Annotated[
    list[str] | None,
    typer.Option(
        "--arch", "-a", metavar="ARCH[,ARCH]", help="amd64, arm64, or both.", show_default=False
    ),
]


@app.command()
def build(
    recipe: Recipe = "",
    arch: Arch = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="With today's packages, even if nothing changed.")
    ] = False,
) -> None:
    """Build an image, by default for this host's architecture; several side by side."""
    from mayfly.cli.home import writable_home
    from mayfly.cli.image_build import build_images
    from mayfly.cli.running import run_command
    from mayfly.domain.labels import DEFAULT_IMAGE
    from mayfly.machines.images.recipe import load_recipe

    wanted = load_recipe(recipe or DEFAULT_IMAGE)
    legs = _legs(arch)
    home = writable_home()

    async def main(_stop: asyncio.Event) -> int:
        return await build_images(home, wanted, legs, rebuild=rebuild)

    raise typer.Exit(run_command(main, home))


@app.command("ls")
def list_images(json: arguments.Json = False) -> None:
    """List the images of this host, newest first."""
    from mayfly.cli.home import writable_home
    from mayfly.cli.image_view import print_images
    from mayfly.machines.images.store import ImageStore

    print_images(ImageStore(writable_home()), json=json)


@app.command()
def inspect(ref: Ref, arch: Arch = None, json: arguments.Json = False) -> None:
    """Show what an image holds, and check that its files are what was built."""
    from mayfly.cli.home import writable_home
    from mayfly.cli.image_view import print_image
    from mayfly.machines.images.store import ImageStore

    store = ImageStore(writable_home())
    for leg in _legs(arch) if arch else (None,):
        image = store.inspect(ref, leg)
        store.verify(image, full=True)
        print_image(store, image, json=json)


@app.command()
def rm(
    refs: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Names, or starts of digests.")
    ],
    arch: Arch = None,
) -> None:
    """Remove images; machines that run from them are not harmed."""
    from mayfly.cli.complaints import Complaints
    from mayfly.cli.home import writable_home
    from mayfly.cli.terminal import put
    from mayfly.machines.images.store import ImageStore

    store = ImageStore(writable_home())
    complaints = Complaints()
    for ref in refs:
        for leg in _legs(arch) if arch else (None,):
            with complaints.noted():
                put(f"removed {store.remove(ref, leg)}")
    complaints.raise_any()


@app.command()
def push(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An image of this host; its name there, too.")
    ],
    arch: Arch = None,
    server: Server = None,
) -> None:
    """Give an image to a server; its hosts use it from their next machine on."""
    from mayfly.cli.home import writable_home
    from mayfly.cli.image_push import push_image
    from mayfly.machines.images.store import ImageStore

    store = ImageStore(writable_home())
    for leg in _legs(arch):
        image = store.open(name, leg)
        ask(server, partial(push_image, name=name, image=image))


def _legs(arch: list[str] | None) -> list[Architecture]:
    """This host's own by default."""
    from mayfly.cli.complaints import Complaints
    from mayfly.cli.values import legs

    complaints = Complaints()
    found = [leg for leg in legs(arch or (), complaints) if leg is not None]
    complaints.raise_any()
    return found or [Architecture.of_host()]
