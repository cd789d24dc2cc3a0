"""Images with a base: its files, shared, and one more file system with what archives hold.

The base stays as it is. Its files are linked, not copied; `layer.erofs` is mounted under its root
(see init.sh), so an archive adds to the base and replaces nothing of it.
"""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.machines.images.disk import share
from mayfly.machines.images.fetch import fetch
from mayfly.machines.images.manifest import FileEntry, Manifest
from mayfly.machines.images.progress import Observer, ProgressReader, Stage
from mayfly.machines.images.recipe import Archive, Recipe
from mayfly.machines.images.store import LAYER, Image, ImageStore
from mayfly.machines.images.verify import sha256
from mayfly.system.home import Home
from mayfly.system.locks import locked_async
from mayfly.system.process import CommandFailed, dies_with_parent, run
from mayfly.system.threads import in_thread

_OWNER = 1001  # runner, see customize.sh
_FORMAT = 1  # what the digest of a layer means; another one makes layers anew


async def lay_over(home: Home, recipe: Recipe, base: Image, observer: Observer) -> Image:
    """The image of a recipe with a base: the one there is, or a new one.

    Raises HostCannot when an archive cannot be had or is not the one that was meant.
    """
    store = ImageStore(home)
    archives = _chosen(recipe, base)
    digest = _digest(base, archives)
    async with locked_async(store.build_lock(recipe.name, base.architecture)):
        made = store.find(recipe.name, base.architecture)
        if made:
            image = store.inspect(made)
            if image.manifest.recipe_digest == digest:
                return image
        reader = ProgressReader(observer)
        with store.building() as folder:
            await _make(home, archives, folder, reader)
            reader.enter(Stage.HASHING)
            manifest = await in_thread(_finish, folder / "out", recipe, base, digest)
            return await in_thread(store.publish, folder / "out", manifest)


def _chosen(recipe: Recipe, base: Image) -> dict[str, Archive]:
    """By the path where each is unpacked."""
    chosen = {}
    for path, choices in recipe.archives.items():
        if base.architecture not in choices:
            raise InvalidInput(
                f"recipe {recipe.name} has no archive for {path} on {base.architecture}",
                remedy=f'add [archives."{path}".{base.architecture}] to it',
            )
        chosen[path] = choices[base.architecture]
    return chosen


def _digest(base: Image, archives: dict[str, Archive]) -> str:
    """Names what is made; where an archive comes from does not matter."""
    pins = {path: archive.sha256 for path, archive in archives.items()}
    facts = json.dumps([_FORMAT, base.digest, pins], sort_keys=True)
    return hashlib.sha256(facts.encode()).hexdigest()


async def _make(
    home: Home, archives: dict[str, Archive], folder: Path, reader: ProgressReader
) -> None:
    """`out/layer.erofs` in `folder`."""
    out, tree = folder / "out", folder / "tree"
    out.mkdir()
    tree.mkdir()
    for path, archive in archives.items():
        reader.enter(Stage.DOWNLOADING)
        file = await fetch(home, archive)
        reader.enter(Stage.EXTRACTING)
        target = tree / path[1:]
        target.mkdir(parents=True)
        await _tool("tar", "--extract", "--no-same-owner", "--file", str(file), "-C", str(target))
    reader.enter(Stage.PACKING)
    owner = (f"--force-uid={_OWNER}", f"--force-gid={_OWNER}")
    await _tool("mkfs.erofs", "--quiet", "-zlz4", *owner, str(out / LAYER), str(tree))


async def _tool(*argv: str) -> None:
    try:
        await run(dies_with_parent(argv))
    except (CommandFailed, FileNotFoundError) as error:
        raise HostCannot("cannot make the layer of an image", details=str(error)) from error


def _finish(out: Path, recipe: Recipe, base: Image, digest: str) -> Manifest:
    layer = FileEntry(sha256(out / LAYER), (out / LAYER).stat().st_size)
    for name in base.manifest.files:
        share(base.folder / name, out / name)
    return replace(
        base.manifest,
        recipe=recipe.name,
        recipe_digest=digest,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        mayfly=version("mayfly-ci"),
        files={**base.manifest.files, LAYER: layer},
    )
