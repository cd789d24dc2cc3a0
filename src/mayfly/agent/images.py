"""Which image a job's machine boots: the server's, if it names one, else one of this host.

An image of the server is fetched by digest and checked before use; the name `fetched.<name>` keeps
it on this host until the server's name stands for another.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.machines.base import Report
from mayfly.machines.images.builder import build
from mayfly.machines.images.manifest import DIGEST
from mayfly.machines.images.progress import Progress
from mayfly.machines.images.recipe import NAME, built_in, load_recipe
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.images.transfer import receive
from mayfly.system.home import Home

FindImage = Callable[[str, Architecture, Report], Awaitable[Image]]


class ImageSource(Protocol):
    """Where a fleet's images are; calls may run at the same time and be cancelled."""

    async def digest(self, name: str, architecture: Architecture) -> str | None:
        """Of the image that a name stands for there; None if it names none."""

    def open(self, digest: str) -> AsyncIterator[bytes]:
        """What has this SHA-256: an image's manifest, or one of its files.

        Raises MayflyError when it cannot, also when the server falls silent.
        """


def finder(home: Home, source: ImageSource | None = None) -> FindImage:
    """What a driver finds images with."""

    async def find(name: str, architecture: Architecture, report: Report) -> Image:
        if source is not None:
            image = await _fetched(home, source, name, architecture, report)
            if image is not None:
                return image
        return await ready_image(home, name, architecture, report)

    return find


async def _fetched(
    home: Home, source: ImageSource, name: str, architecture: Architecture, report: Report
) -> Image | None:
    """The server's image, `name` being its name there or a digest; None if it names none."""
    if DIGEST.fullmatch(name):
        digest, name = name, name[:12]
    elif NAME.fullmatch(name):
        report("asking the server for the image", None)
        found = await source.digest(name, architecture)
        if found is None:
            return None
        digest = found
    else:  # the path of a recipe: whoever may run a job could have files of this host read
        raise InvalidInput(
            f"a fleet has no image {name[:80]!r}",
            remedy="name one that `mayfly image push` brought to the server",
        )
    store = ImageStore(home)
    return await receive(store, digest, architecture, source.open, report, name=f"fetched.{name}")


async def ready_image(home: Home, name: str, architecture: Architecture, report: Report) -> Image:
    """An image of this host, verified; built first when `name` is a recipe that has none yet."""

    def show(progress: Progress) -> None:
        report(f"building the image: {progress.stage}", progress.fraction)

    store = ImageStore(home)
    if name in built_in() or "/" in name:
        image = await build(home, load_recipe(name), architecture, observer=show)
        store.verify(image)
        return image
    try:
        return store.open(name, architecture)
    except InvalidInput as error:
        raise InvalidInput(
            error.message, remedy="mayfly image ls shows what there is; a recipe is given by path"
        ) from error
