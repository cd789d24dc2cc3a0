"""The images of this host: found by name, opened by digest, checked before use.

images/<digest>/             an image: its files and manifest.json; never changed
images/refs/<name>-<arch>    the digest a name stands for
images/.verified/<digest>    what was already checked, see verify.py
images/.building-*/          one for each build under way; its `owner` file is locked meanwhile
images/.lock, .lock-*        held while folders appear or vanish; while one name is built

Another process may build, open and remove at the same time. Removing an image does not harm a
machine that runs from it (open files stay readable), but templates made from it are of no use
afterwards: whoever removes an image removes those too.
"""

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import InvalidInput
from mayfly.machines.images.manifest import DIGEST, Manifest, ManifestInvalid
from mayfly.machines.images.recipe import NAME
from mayfly.machines.images.verify import damaged, verify
from mayfly.system.home import Home
from mayfly.system.locks import locked, locked_if_free

LAYER = "layer.erofs"
MANIFEST = "manifest.json"
BOOTED = ("root.erofs", "vmlinuz", "initrd")
"""What no image is without."""

_BUILDING = ".building-"
_SHORTEST_DIGEST = 6


@dataclass(frozen=True, slots=True)
class Image:
    """One image on this host; the files at these paths are read-only."""

    folder: Path
    digest: str
    manifest: Manifest

    @property
    def architecture(self) -> Architecture:
        return self.manifest.architecture

    @property
    def root(self) -> Path:
        """erofs, for the guest's disk with the serial number `root`."""
        return self.folder / "root.erofs"

    @property
    def layer(self) -> Path | None:
        """erofs of what lies under the root's files, for the disk `layer`; few have one."""
        return self.folder / LAYER if LAYER in self.manifest.files else None

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The base archive; see `append_payload`."""
        return self.folder / "initrd"

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.size for entry in self.manifest.files.values())


class ImageStore:
    """A `ref` is a recipe's name, a digest, or the first 6 or more characters of one."""

    def __init__(self, home: Home):
        self._folder = home.images

    def find(self, name: str, architecture: Architecture) -> str | None:
        """The digest that a name stands for now; None when no such image was built."""
        if not NAME.fullmatch(name):
            return None
        try:
            digest = self._ref(name, architecture).read_text().strip()
        except FileNotFoundError:
            return None
        return digest if self.has(digest) else None

    def has(self, digest: str) -> bool:
        """Whether an image of exactly this digest is here."""
        return (self._folder / digest / MANIFEST).exists()

    def open(self, ref: str, architecture: Architecture, *, verify: bool = True) -> Image:
        """The image to boot; with `verify`, its files are what the digest vouches for.

        Raises InvalidInput when there is none, or it is for the other architecture; HostCannot
        when it is damaged.
        """
        image = self._read(self._resolve(ref, architecture))
        if image.architecture is not architecture:
            raise InvalidInput(f"image {ref} is for {image.architecture}, not {architecture}")
        if verify:
            self.verify(image)
        return image

    def inspect(self, ref: str, architecture: Architecture | None = None) -> Image:
        """An image to look at, of either architecture when `ref` is a digest; not verified."""
        return self._read(self._resolve(ref, architecture))

    def verify(self, image: Image, *, full: bool = False) -> None:
        """Raise HostCannot when a file is not what was built; `full` trusts no earlier check."""
        verify(image.folder, image.manifest, self._stamp(image.digest), full=full)

    def names(self, digest: str) -> list[str]:
        """The names that stand for an image now."""
        refs = sorted((self._folder / "refs").glob("[!.]*"))
        return [
            name
            for path in refs
            if path.read_text().strip() == digest
            for name in [path.name.rpartition("-")[0]]
        ]

    def remove(self, ref: str, architecture: Architecture | None = None) -> str:
        """Delete an image and the names that stand for it; returns its digest."""
        digest = self._resolve(ref, architecture)
        with locked(self._folder / ".lock"):
            for path in (self._folder / "refs").glob("[!.]*"):
                if path.read_text().strip() == digest:
                    path.unlink()
            self._stamp(digest).unlink(missing_ok=True)
            # Renamed first: an interrupted removal leaves nothing that looks like an image.
            doomed = self._folder / f"{_BUILDING}{digest[:12]}-{secrets.token_hex(4)}"
            (self._folder / digest).rename(doomed)
        _delete(doomed)
        return digest

    def reap(self) -> list[Path]:
        """Delete what builds and removals that were killed left behind; returns those folders."""
        gone = []
        with locked(self._folder / ".lock"):
            for folder in sorted(self._folder.glob(f"{_BUILDING}*")):
                with locked_if_free(folder / "owner") as free:
                    if free:
                        _delete(folder)
                        gone.append(folder)
        return gone

    @contextlib.contextmanager
    def building(self) -> Iterator[Path]:
        """A folder to build in, deleted at the end; `reap` deletes it should we be killed."""
        folder = self._folder / f"{_BUILDING}{os.getpid()}-{secrets.token_hex(4)}"
        with contextlib.ExitStack() as stack:
            with locked(self._folder / ".lock"):
                folder.mkdir(mode=0o755)
                stack.enter_context(locked(folder / "owner"))
                stack.callback(_delete, folder)
            yield folder

    def build_lock(self, name: str, architecture: Architecture) -> Path:
        """The file to lock while building under this name."""
        return self._folder / f".lock-{name}-{architecture}"

    def publish(self, folder: Path, manifest: Manifest, *, name: str | None = None) -> Image:
        """Make the files in `folder` an image and let a name, its recipe's if none is given, stand
        for it.

        `folder` is on the same file system and moves; when the same image exists, that one stays.
        """
        (folder / MANIFEST).write_bytes(manifest.to_bytes())
        for file in (*manifest.files, MANIFEST):
            with (folder / file).open("rb") as stream:
                os.fsync(stream.fileno())
            (folder / file).chmod(0o444)
        digest = manifest.digest
        with locked(self._folder / ".lock"):
            if not (self._folder / digest).exists():
                folder.rename(self._folder / digest)
            self._point(name or manifest.recipe, manifest.architecture, digest)
        return self._read(digest)

    def point(self, name: str, image: Image) -> None:
        """Let a name stand for an image that is there."""
        with locked(self._folder / ".lock"):
            self._point(name, image.architecture, image.digest)

    def _point(self, name: str, architecture: Architecture, digest: str) -> None:
        ref = self._ref(name, architecture)
        ref.parent.mkdir(mode=0o700, exist_ok=True)
        beside = ref.with_name(f".{ref.name}")
        beside.write_text(f"{digest}\n")
        beside.replace(ref)

    def _ref(self, name: str, architecture: Architecture) -> Path:
        return self._folder / "refs" / f"{name}-{architecture}"

    def _stamp(self, digest: str) -> Path:
        return self._folder / ".verified" / digest

    def _resolve(self, ref: str, architecture: Architecture | None) -> str:
        wanted = [architecture] if architecture else list(Architecture)
        found = {digest for arch in wanted if (digest := self.find(ref, arch))}
        if not found and re.fullmatch(f"[0-9a-f]{{{_SHORTEST_DIGEST},64}}", ref):
            found = {digest for digest in self._digests() if digest.startswith(ref)}
        if len(found) > 1:
            shown = ", ".join(digest[:12] for digest in sorted(found))
            raise InvalidInput(
                f"image {ref} is ambiguous: {shown}",
                remedy="name the architecture, or more of the digest",
            )
        if not found:
            which_one = f"image {ref}" + (f" for {architecture}" if architecture else "")
            raise InvalidInput(
                f"no {which_one} on this host",
                remedy="`mayfly image build` makes one, `mayfly image ls` lists them",
            )
        return found.pop()

    def _read(self, digest: str) -> Image:
        folder = self._folder / digest
        try:
            manifest = Manifest.from_bytes((folder / MANIFEST).read_bytes())
        except (ManifestInvalid, OSError) as error:
            raise damaged(folder, f"its manifest cannot be read: {error}") from error
        if manifest.digest != digest:
            raise damaged(folder, "its manifest is not the one its digest names")
        return Image(folder, digest, manifest)

    def _digests(self) -> set[str]:
        names = {path.name for path in self._folder.iterdir()}
        return {name for name in names if DIGEST.fullmatch(name)}

    def list(self) -> Sequence[Image]:
        """All images, newest first."""
        found = [self._read(digest) for digest in self._digests()]
        return sorted(found, key=lambda image: image.manifest.created, reverse=True)


def _delete(folder: Path) -> None:
    # Two may delete the same leftovers at once.
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
