"""What this host can do, each finding with its remedy: what `mayfly doctor` prints.

Looking changes nothing on the host, but for a network that is made, used and removed.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mayfly.agent.main import host_capacity
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.domain.finding import Finding, Severity
from mayfly.domain.labels import DEFAULT_IMAGE
from mayfly.machines.images.host import emulated, mapped_root, missing
from mayfly.machines.images.store import Image, ImageStore
from mayfly.machines.network.probe import probe
from mayfly.machines.qemu.accelerator import Accelerators
from mayfly.machines.qemu.command import binary
from mayfly.system.home import Home
from mayfly.system.process import CommandFailed, run, which

_GIB = 1024**3
_SPACE_FAIL, _SPACE_WARN = 2 * _GIB, 8 * _GIB
_MEMORY_WARN_MIB = 4096
_KVM = Path("/dev/kvm")

# Tool → the Debian package that brings it.
_TOOLS = {
    "git": "git",
    "qemu-img": "qemu-utils",
    "mkfs.ext4": "e2fsprogs",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "nft": "nftables",
}
_USER_TOOLS = {"pasta": "passt"}
_QEMU_PACKAGES = {Architecture.AMD64: "qemu-system-x86", Architecture.ARM64: "qemu-system-arm"}


async def examine(home: Home) -> list[Finding]:
    """Everything there is to say, in the order in which a person would fix it."""
    images = {arch: _image(home, arch) for arch in Architecture}
    return [
        _python(),
        *_programs(),
        *[await _accelerator(home, arch, images[arch]) for arch in Architecture],
        *[await _building(arch) for arch in Architecture],
        *(await _network()),
        _space("its files", home.root),
        _space(
            "the disks of machines", Path(os.environ.get("MAYFLY_SCRATCH", tempfile.gettempdir()))
        ),
        _memory(),
        *(_image_finding(arch, images[arch]) for arch in Architecture),
    ]


def _ok(text: str) -> Finding:
    return Finding(Severity.OK, text)


def _python() -> Finding:
    return _ok(f"Python {'.'.join(map(str, sys.version_info[:3]))}, {os.uname().release} kernel")


def _programs() -> Iterator[Finding]:
    tools = _TOOLS | (_USER_TOOLS if os.geteuid() != 0 else {})
    lacking = {tool: package for tool, package in tools.items() if which(tool) is None}
    if lacking:
        text = f"programs are missing: {', '.join(sorted(lacking))}"
        yield Finding(Severity.FAIL, text, _install(lacking.values()))
    else:
        yield _ok("all programs that machines and networks need are installed")


async def _accelerator(home: Home, architecture: Architecture, image: Image | None) -> Finding:
    if which(binary(architecture)) is None:
        native = architecture is Architecture.of_host()
        return Finding(
            Severity.FAIL if native else Severity.WARN,
            f"{architecture} machines cannot run: there is no {binary(architecture)}",
            _install([_QEMU_PACKAGES[architecture]]),
        )
    if architecture is not Architecture.of_host():
        return _ok(f"{architecture} machines run, in software (tcg): this host is another one")
    slow = f"{architecture} machines run in software (tcg)"
    if (objection := _kvm_objection()) is not None:
        text, remedy = objection
        return Finding(Severity.WARN, f"{slow}: {text}", remedy)
    if image is None:
        return Finding(
            Severity.WARN,
            f"{architecture} machines run; {_KVM} opens, but only booting a guest proves it",
            "mayfly image build, then mayfly doctor",
        )
    if await Accelerators(home.root).choose(architecture, image.kernel) == "kvm":
        return _ok(f"{architecture} machines run with KVM: a guest really booted")
    text = f"{_KVM} opens, but no guest boots with it"
    remedy = "on a virtual machine, turn on nested virtualisation in its own host"
    return Finding(Severity.WARN, f"{slow}: {text}", remedy)


def _kvm_objection() -> tuple[str, str] | None:
    """What keeps this user from even trying KVM, and the remedy."""
    if not _KVM.exists():
        remedy = "use a host with hardware virtualisation, or turn on nested virtualisation"
        return "this host has no KVM", remedy
    if not os.access(_KVM, os.R_OK | os.W_OK):
        remedy = "sudo usermod --append --groups kvm $USER, then log in again"
        return f"this user may not open {_KVM}", remedy
    return None


async def _building(architecture: Architecture) -> Finding:
    lacking = missing(architecture)
    if lacking:
        return Finding(
            Severity.WARN,
            f"{architecture} images cannot be built without "
            + ", ".join(it.what for it in lacking),
            _install(it.package for it in lacking),
        )
    root = os.geteuid() == 0
    if architecture is not Architecture.of_host() and not emulated(architecture) and not root:
        return Finding(
            Severity.WARN,
            f"{architecture} images cannot be built: this host does not start its programs",
            f"sudo update-binfmts --enable qemu-{architecture.machine}",
        )
    if root:
        return _ok(f"{architecture} images can be built (as root)")
    try:
        await run([*mapped_root(), "--mount", "true"])
    except CommandFailed as error:
        return Finding(
            Severity.WARN,
            f"{architecture} images cannot be built: no namespace with several users "
            f"({error.stderr.strip()})",
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER",
        )
    return _ok(f"{architecture} images can be built (without root, in a user namespace)")


async def _network() -> Sequence[Finding]:
    if any(which(tool) is None for tool in ("nft", "nsenter")):
        return []  # said already
    try:
        return await probe()
    except HostCannot as error:
        return [Finding(Severity.FAIL, f"guests get no network: {error}", error.remedy)]


def _space(what: str, folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / _GIB:.1f} GiB are free for {what} ({folder})"
    if free >= _SPACE_WARN:
        return _ok(text)
    severity = Severity.FAIL if free < _SPACE_FAIL else Severity.WARN
    return Finding(severity, text, "mayfly gc --images, or set MAYFLY_HOME or MAYFLY_SCRATCH")


def _memory() -> Finding:
    capacity = host_capacity()
    text = f"the largest machine has {capacity.cpu} vCPU and {capacity.memory_mib / 1024:.1f} GiB"
    if capacity.memory_mib < _MEMORY_WARN_MIB:
        return Finding(Severity.WARN, text, "run with --fit, or choose smaller sizes in labels")
    return _ok(text)


def _image(home: Home, architecture: Architecture) -> Image | None:
    store = ImageStore(home)
    digest = store.find(DEFAULT_IMAGE, architecture)
    return store.inspect(digest, architecture) if digest else None


def _image_finding(architecture: Architecture, image: Image | None) -> Finding:
    if image is not None:
        return _ok(f"image {DEFAULT_IMAGE} for {architecture}: {image.digest[:12]}")
    return Finding(
        Severity.WARN,
        f"image {DEFAULT_IMAGE} for {architecture} is not built; the first run will do it",
        f"mayfly image build --arch {architecture}",
    )


def _install(packages: Iterable[str]) -> str:
    return f"sudo apt-get install {' '.join(sorted(set(packages)))}"
