"""Checks an image's files against its manifest, without reading 400 MB for every job.

After a full check a stamp remembers inode, size, mtime and ctime of each file. While all of them
stay the same the content has too: the kernel sets ctime on every write, and programs cannot set it
back. A file changed within one tick of the clock would slip through, so files younger than
`_SETTLED_NS` leave no stamp.
"""

import hashlib
import json
import os
import time
from pathlib import Path

from mayfly.domain.errors import HostCannot
from mayfly.machines.images.manifest import FileEntry, Manifest

_SETTLED_NS = 2_000_000_000

_Stamp = dict[str, list[int]]


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(folder: Path, manifest: Manifest, stamp_file: Path, *, full: bool = False) -> None:
    """Raise HostCannot when a file is missing or differs; `full` reads them all again."""
    started = time.time_ns()
    before = _stamp(folder, manifest)
    if not full and _read(stamp_file) == before:
        return
    stamp_file.unlink(missing_ok=True)
    for name, entry in manifest.files.items():
        _check(folder / name, entry)
    settled = all(started - ctime > _SETTLED_NS for _, _, _, ctime in before.values())
    # Taken again: what changed while it was read must be read again.
    if settled and _stamp(folder, manifest) == before:
        _write(stamp_file, before)


def damaged(folder: Path, problem: str) -> HostCannot:
    return HostCannot(
        f"image {folder.name[:12]}: {problem}",
        details=str(folder),
        remedy=f"remove it with `mayfly image rm {folder.name[:12]}` and build it again",
    )


def _check(path: Path, entry: FileEntry) -> None:
    size = path.stat().st_size
    if size != entry.size:
        raise damaged(path.parent, f"{path.name} has {size} bytes, not {entry.size}")
    if sha256(path) != entry.sha256:
        raise damaged(path.parent, f"the content of {path.name} is not what was built")


def _stamp(folder: Path, manifest: Manifest) -> _Stamp:
    stamp = {}
    for name in manifest.files:
        try:
            status = (folder / name).lstat()
        except FileNotFoundError:
            raise damaged(folder, f"{name} is missing") from None
        stamp[name] = [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    return stamp


def _read(stamp_file: Path) -> object:
    try:
        return json.loads(stamp_file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _write(stamp_file: Path, stamp: _Stamp) -> None:
    stamp_file.parent.mkdir(mode=0o700, exist_ok=True)
    beside = stamp_file.with_name(f"{stamp_file.name}.{os.getpid()}")
    beside.write_text(json.dumps(stamp))
    beside.replace(stamp_file)
