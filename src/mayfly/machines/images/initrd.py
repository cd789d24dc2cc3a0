"""The first root file system of a guest: busybox, the modules that reach its disks, `/init`.

An image holds the base archive. Whoever boots a machine appends a second one with what this host
ships into the guest (`append_payload`); `init.sh` lays it over the new root.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

from mayfly.machines.images.cpio import Entry, Writer, directory, is_plain, regular, symlink

# Load order matters: each module comes after those it needs.
MODULES: Sequence[str] = (
    "virtio_ring",
    "virtio",
    "virtio_pci_modern_dev",
    "virtio_pci_legacy_dev",
    "virtio_pci",
    "virtio_console",
    "virtio_blk",
    "failover",
    "net_failover",
    "virtio_net",
    "libcrc32c",
    "erofs",
    "overlay",
)

_FOLDERS = ("bin", "dev", "image", "layer", "modules", "newroot", "proc", "scratch", "sys")
_APPLETS = ("cat", "chown", "cp", "insmod", "mkdir", "mount", "poweroff", "sh", "switch_root")
_LINKED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")  # links into /usr on a merged root


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """Content of one file to lay over the guest's root, owned by root."""

    data: bytes
    permissions: int = 0o644


@dataclass(frozen=True, slots=True)
class PayloadLink:
    """A symbolic link to lay over the guest's root, such as one that enables a unit."""

    target: str


Payload = Mapping[str, PayloadFile | PayloadLink]


def write_initrd(out: Path, *, busybox: Path, modules: Sequence[Path]) -> None:
    """Write the base archive; `modules` are uncompressed .ko files in load order."""
    with out.open("wb") as stream:
        writer = Writer(stream)
        for entry in _base(busybox, modules):
            writer.add(entry)
        writer.close()


def find_modules(tree: Path) -> list[Path]:
    """The modules that `/init` loads, from `/lib/modules/<version>` unpacked at `tree`.

    Raises FileNotFoundError naming the modules this kernel lacks.
    """
    # A file may spell its name with - where the module's name has _.
    found = {path.stem.replace("-", "_"): path for path in sorted(tree.rglob("*.ko"))}
    missing = [name for name in MODULES if name not in found]
    if missing:
        raise FileNotFoundError(f"no kernel module {', '.join(missing)} below {tree}")
    return [found[name] for name in MODULES]


def append_payload(initrd: Path, payload: Payload, out: Path) -> None:
    """Write `initrd` followed by an archive of `payload` to `out`.

    Keys are absolute paths in the guest, such as `/opt/mayfly/runner.pyz`. Raises ValueError for a
    path that is relative, climbs out, or goes through one of the root's links (`/lib`: say
    `/usr/lib`).
    """
    with out.open("wb") as stream:
        with initrd.open("rb") as base:
            shutil.copyfileobj(base, stream)
        stream.write(b"\0" * (-stream.tell() % 4))
        writer = Writer(stream)
        for entry in _laid_over(payload):
            writer.add(entry)
        writer.close()


def _base(busybox: Path, modules: Sequence[Path]) -> Iterator[Entry]:
    yield from (directory(name) for name in _FOLDERS)
    yield regular("bin/busybox", busybox.read_bytes(), 0o755)
    yield from (symlink(f"bin/{applet}", "busybox") for applet in _APPLETS)
    for index, module in enumerate(modules):
        yield regular(f"modules/{index:02}-{module.name}", module.read_bytes())
    yield regular("init", files(__package__).joinpath("init.sh").read_bytes(), 0o755)


def _laid_over(payload: Payload) -> Iterator[Entry]:
    known: set[str] = set()
    for path, content in sorted(payload.items()):
        if not path.startswith("/") or not is_plain(path[1:]):
            raise ValueError(f"not an absolute, plain path in the guest: {path!r}")
        if PurePosixPath(path).parts[1] in _LINKED:
            raise ValueError(f"{path!r} goes through a symbolic link of the guest; say /usr{path}")
        name = PurePosixPath("payload") / path[1:]
        for parent in reversed(name.parents[:-1]):
            if str(parent) not in known:
                known.add(str(parent))
                yield directory(str(parent))
        if isinstance(content, PayloadLink):
            yield symlink(str(name), content.target)
        else:
            yield regular(str(name), content.data, content.permissions)
