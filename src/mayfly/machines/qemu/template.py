"""Templates: a machine of each kind, booted once and frozen where its runner waits for a job.

templates/<key>/    memory, state (of the devices), scratch (the disk), overlay (an empty qcow2
                    over it) and seal.json, which holds their digests; never changed
templates/.building-*, .lock-<key>

The key covers whatever a snapshot depends on. A template is checked against its seal when it is
loaded, once a process. Its memory is then a memfd that the kernel itself seals against writing:
a clone, even one that broke out of its guest, can change only its own copy.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mayfly.machines.base import MachineSpec
from mayfly.machines.qemu import sparse
from mayfly.system.locks import locked_async
from mayfly.system.owned import OWNER, owned_folder, reap_folders

_FILES = ("memory", "state", "scratch", "overlay")
_SEAL = "seal.json"
_BUILDING = ".building-"

# From Linux's fcntl.h; Python does not name them on every build.
_F_ADD_SEALS = 1033
_SEAL_SHRINK_GROW_WRITE = 0x2 | 0x4 | 0x8


class TemplateDamaged(Exception):
    """What lies on the disk is not what was sealed; the template must be made anew."""


@dataclass(frozen=True, slots=True)
class Template:
    """Open and checked: descriptors of the sealed memory, the scratch disk and the image's own.

    `state` and `overlay` are small and held as bytes.
    """

    key: str
    accelerator: str
    memory: int
    scratch: int
    root: int
    layer: int | None
    state: bytes
    overlay: bytes

    def close(self) -> None:
        for descriptor in (self.memory, self.scratch, self.root, self.layer):
            if descriptor is not None:
                os.close(descriptor)


def template_key(spec: MachineSpec, *parts: str) -> str:
    """Names a template after everything its snapshot depends on."""
    facts = [spec.architecture.value, str(spec.vcpus), str(spec.memory_mib), str(spec.disk_gib)]
    return hashlib.sha256(json.dumps([*facts, *parts]).encode()).hexdigest()[:32]


class TemplateStore:
    """The templates of one Mayfly home; several processes may use it at the same time."""

    def __init__(self, folder: Path):
        self._folder = folder

    def making(self, key: str) -> contextlib.AbstractAsyncContextManager[bool]:
        """Hold the right to make a template; gives whether somebody else was making it."""
        return locked_async(self._folder / f".lock-{key}")

    def exists(self, key: str) -> bool:
        return (self._folder / key / _SEAL).exists()

    @contextlib.contextmanager
    def building(self) -> Iterator[Path]:
        """A folder to build in, gone at the end unless `publish` took it."""
        with owned_folder(self._folder, f"{_BUILDING}{secrets.token_hex(6)}") as path:
            yield path

    def publish(self, building: Path, key: str) -> None:
        """Seal what was built and give it its name, in one step."""
        digests = {}
        for name in _FILES:
            with _opened(building / name, os.O_RDONLY) as descriptor:
                digests[name] = sparse.digest(descriptor)
                os.fchmod(descriptor, 0o400)
                os.fsync(descriptor)
        (building / _SEAL).write_text(json.dumps(digests, indent=2) + "\n")
        final = self._folder / key
        shutil.rmtree(final, ignore_errors=True)
        building.rename(final)
        (final / OWNER).unlink()

    def load(self, key: str, accelerator: str, root: Path, layer: Path | None = None) -> Template:
        """`root` and `layer` are the image's.

        Raises TemplateDamaged when it is not what was sealed; it is removed then.
        """
        folder = self._folder / key
        with contextlib.ExitStack() as undo:
            memory = os.memfd_create("mayfly-memory", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            undo.callback(os.close, memory)
            damaged = _differing(folder, memory)
            if damaged:
                shutil.rmtree(folder, ignore_errors=True)
                raise TemplateDamaged(f"template {key} is damaged: {', '.join(damaged)}")
            fcntl.fcntl(memory, _F_ADD_SEALS, _SEAL_SHRINK_GROW_WRITE)
            os.utime(folder / _SEAL)  # last used now, for `prune`
            state, overlay = (folder / "state").read_bytes(), (folder / "overlay").read_bytes()
            scratch = os.open(folder / "scratch", os.O_RDONLY | os.O_CLOEXEC)
            undo.callback(os.close, scratch)
            image = os.open(root, os.O_RDONLY | os.O_CLOEXEC)
            undo.callback(os.close, image)
            more = os.open(layer, os.O_RDONLY | os.O_CLOEXEC) if layer else None
            undo.pop_all()
            return Template(key, accelerator, memory, scratch, image, more, state, overlay)

    def reap(self) -> list[Path]:
        """Delete what builders that were killed left behind."""
        return reap_folders(self._folder, f"{_BUILDING}*")

    def prune(self, unused_s: float, now: float) -> list[Path]:
        """Delete templates that nobody loaded for so long; machines that run on are not harmed."""
        gone = []
        for seal in sorted(self._folder.glob(f"*/{_SEAL}")):
            if now - seal.stat().st_mtime >= unused_s:
                shutil.rmtree(seal.parent, ignore_errors=True)
                gone.append(seal.parent)
        return gone


def _differing(folder: Path, memory: int) -> list[str]:
    """Files that are not what was sealed; the template's memory is copied into `memory`."""
    try:
        digests = json.loads((folder / _SEAL).read_text())
    except (FileNotFoundError, ValueError):
        return [_SEAL]
    found = {}
    for name in _FILES:
        # A file is missing when a removal was killed half-way.
        with contextlib.suppress(FileNotFoundError), _opened(folder / name, os.O_RDONLY) as source:
            if name == "memory":
                found[name] = sparse.copy(source, memory)
            else:
                found[name] = sparse.digest(source)
    return [name for name in _FILES if name not in found or found[name] != digests.get(name)]


@contextlib.contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
