"""Uploads an image, file by file, what the server has not already; then its name stands for it."""

from mayfly.cli.client import Client, pieces_of
from mayfly.cli.terminal import say
from mayfly.cli.words import size
from mayfly.machines.images.store import Image
from mayfly.machines.images.transfer import parts


async def push_image(client: Client, *, name: str, image: Image) -> None:
    """Takes a site administrator's token."""
    files = parts(image)
    for digest, file in files.items():
        say(f"{name} {image.architecture}: {file.name}, {size(file.stat().st_size)}")
        await client.put_blob(f"/image-parts/{digest}", pieces_of(file))
    await client.put(f"/images/{name}/{image.architecture}", {"parts": list(files)})
    say(f"{name} {image.architecture} is {image.digest[:12]} on {client.url}")
