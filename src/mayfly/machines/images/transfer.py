"""Images from one host to another, by content: everything is asked for by its SHA-256.

An image's digest is the SHA-256 of its manifest, which names the SHA-256 of every file. So a store
of blobs is all that lies between: `parts` says what to put there, `receive` asks for it back. What
comes is believed in nothing: sizes are bounded before a byte is written, digests are checked before
anything can be seen under its name, and a file that an image here has already is not asked for.
"""

import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot, InvalidInput
from mayfly.machines.base import Report
from mayfly.machines.images.disk import require_space, share
from mayfly.machines.images.manifest import DIGEST, FileEntry, Manifest, ManifestInvalid
from mayfly.machines.images.recipe import NAME
from mayfly.machines.images.store import BOOTED, MANIFEST, Image, ImageStore
from mayfly.machines.images.verify import sha256
from mayfly.system.locks import locked_async
from mayfly.system.threads import in_thread

_log = logging.getLogger(__name__)

_MAX_MANIFEST = 4 * 1024 * 1024
_MAX_FILES = 16
_SPARE = 256 * 1024 * 1024

OpenBlob = Callable[[str], AsyncIterator[bytes]]
"""The bytes that have a SHA-256, in pieces of any size. Raises MayflyError when they cannot be had;
gives up by itself on a sender that falls silent."""


def parts(image: Image) -> dict[str, Path]:
    """The files that `receive` asks for, by SHA-256; the first is the manifest."""
    files = {entry.sha256: image.folder / name for name, entry in image.manifest.files.items()}
    return {image.digest: image.folder / MANIFEST, **files}


async def receive(
    store: ImageStore,
    digest: str,
    architecture: Architecture,
    open_blob: OpenBlob,
    report: Report,
    *,
    name: str,
) -> Image:
    """The image of that digest, checked, fetched unless it is here; `name` stands for it then.

    Raises InvalidInput for what is no image for this architecture, HostCannot for lack of room or
    when something else came; then, and when cancelled, nothing of it is left. Of several calls at
    once one fetches.
    """
    if not DIGEST.fullmatch(digest) or not NAME.fullmatch(name):
        raise InvalidInput(f"{name[:80]!r} cannot stand for {digest[:80]!r} as an image")
    async with locked_async(store.build_lock("fetched", architecture)):
        image = await in_thread(_here, store, digest, architecture)
        if image is not None:
            store.point(name, image)
            return image
        report("fetching the image", 0.0)
        manifest = await _manifest(digest, architecture, open_blob)
        with store.building() as folder:
            out = folder / "out"
            out.mkdir()
            await _files(store, manifest, out, open_blob, report)
            return await in_thread(store.publish, out, manifest, name=name)


def _here(store: ImageStore, digest: str, architecture: Architecture) -> Image | None:
    """None also for one that was damaged, which is removed."""
    if not store.has(digest):
        return None
    try:
        return store.open(digest, architecture)
    except HostCannot as error:
        _log.warning("%s; it is fetched again", error)
        store.remove(digest)
        return None


async def _manifest(digest: str, architecture: Architecture, open_blob: OpenBlob) -> Manifest:
    pieces, size = [], 0
    async for piece in open_blob(digest):
        size += len(piece)
        if size > _MAX_MANIFEST:
            raise _wrong(digest, f"its manifest is larger than {_MAX_MANIFEST} bytes")
        pieces.append(piece)
    data = b"".join(pieces)
    if hashlib.sha256(data).hexdigest() != digest:
        raise _wrong(digest, "its manifest has another digest")
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestInvalid as error:
        raise InvalidInput(f"{digest[:12]} is no image that this Mayfly knows: {error}") from error
    if manifest.architecture is not architecture:
        raise InvalidInput(
            f"image {digest[:12]} is for {manifest.architecture}, not {architecture}"
        )
    missing = [file for file in BOOTED if file not in manifest.files]
    if missing or len(manifest.files) > _MAX_FILES:
        what = f"has no {missing[0]}" if missing else f"has more than {_MAX_FILES} files"
        raise InvalidInput(f"{digest[:12]} is no image that boots: it {what}")
    return manifest


async def _files(
    store: ImageStore, manifest: Manifest, out: Path, open_blob: OpenBlob, report: Report
) -> None:
    wanted = await in_thread(_shared, store, manifest, out)
    total = sum(manifest.files[name].size for name in wanted)
    require_space(out, total + _SPARE, "fetching an image")
    done = 0

    def got(size: int) -> None:
        nonlocal done
        done += size
        report("fetching the image", done / total)

    for name in wanted:
        await _file(out / name, manifest.files[name], open_blob, got)


def _shared(store: ImageStore, manifest: Manifest, out: Path) -> list[str]:
    """Take from other images what they have; gives the names of files that none has."""
    known: dict[FileEntry, Path] = {}
    with contextlib.suppress(HostCannot):  # one is damaged, and then less is known
        for image in store.list():
            known |= {entry: image.folder / name for name, entry in image.manifest.files.items()}
    wanted = []
    for name, entry in manifest.files.items():
        source = known.get(entry)
        if source is not None and source.is_file() and sha256(source) == entry.sha256:
            share(source, out / name)
        else:
            wanted.append(name)
    return wanted


async def _file(
    target: Path, entry: FileEntry, open_blob: OpenBlob, got: Callable[[int], None]
) -> None:
    """Write one file. Raises HostCannot unless what comes is the entry's."""
    found, size = hashlib.sha256(), 0
    with target.open("xb") as stream:
        async for piece in open_blob(entry.sha256):
            size += len(piece)
            if size > entry.size:
                raise _wrong(entry.sha256, f"{target.name} is larger than {entry.size} bytes")
            found.update(piece)
            _write(stream, piece)
            got(len(piece))
    if size != entry.size:
        raise _wrong(entry.sha256, f"{target.name} has {size} bytes, not {entry.size}")
    if found.hexdigest() != entry.sha256:
        raise _wrong(entry.sha256, f"{target.name} has another digest")


def _write(stream: BinaryIO, piece: bytes) -> None:
    try:
        stream.write(piece)
    except OSError as error:
        raise HostCannot("cannot write a fetched image", details=str(error)) from error


def _wrong(digest: str, problem: str) -> HostCannot:
    return HostCannot(
        f"what was fetched as {digest[:12]} is not that: {problem}",
        remedy="try again; if it stays so, upload the image to the server anew",
    )
