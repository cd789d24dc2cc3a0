"""What a host needs to build images, and how to get it."""

import os
from dataclasses import dataclass
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.images.recipe import KEYRING
from mayfly.system.process import CommandFailed, run, which

HOST_CERTIFICATES = Path("/usr/local/share/ca-certificates")

_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_FORMATS = Path("/usr/lib/binfmt.d")
_ELF = "7f454c46"
_MACHINE = slice(36, 40)  # e_machine, in hexadecimal
_MACHINES = {Architecture.AMD64: "3e00", Architecture.ARM64: "b700"}

# Tool → the Debian package that brings it.
_TOOLS = {
    "apt-get": "apt",
    "chroot": "coreutils",
    "dpkg": "dpkg",
    "flock": "util-linux",
    "gpgv": "gpgv",
    "mkfs.erofs": "erofs-utils",
    "mount": "mount",
    "setpriv": "util-linux",
    "tar": "tar",
    "unshare": "util-linux",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool or file this host lacks, and the Debian package that brings it."""

    what: str
    package: str


def missing(architecture: Architecture) -> list[Missing]:
    """What this host lacks to build an image for an architecture; empty when it can."""
    tools = dict(_TOOLS)
    if os.geteuid() != 0:
        tools["newuidmap"] = "uidmap"
    if architecture is not Architecture.of_host():
        tools[f"qemu-{architecture.machine}-static"] = "qemu-user-static"
    found = [Missing(tool, package) for tool, package in tools.items() if not which(tool)]
    if not KEYRING.exists():
        found.append(Missing(str(KEYRING), "debian-archive-keyring"))
    return found


async def require(architecture: Architecture) -> None:
    """Raise HostCannot unless an image can be built here; registers the emulator when root."""
    lacking = missing(architecture)
    if lacking:
        packages = " ".join(sorted({entry.package for entry in lacking}))
        raise HostCannot(
            f"building a guest for {architecture} needs "
            + ", ".join(entry.what for entry in lacking),
            remedy=f"sudo apt-get install {packages}",
        )
    if os.geteuid() != 0:
        await _require_namespaces()
    if architecture is not Architecture.of_host() and not emulated(architecture):
        await _register_emulator(architecture)


def emulated(architecture: Architecture) -> bool:
    """Whether the kernel starts that architecture's programs, also inside another root."""
    if not (_BINFMT / "register").exists():
        return False
    entries = (path for path in _BINFMT.iterdir() if path.name not in {"register", "status"})
    return any(_starts(path.read_text(), architecture) for path in entries)


def _starts(entry: str, architecture: Architecture) -> bool:
    """Reads one entry of binfmt_misc; flag F means that the interpreter is already open."""
    lines = dict(line.partition(" ")[::2] for line in entry.splitlines())
    return (
        "enabled" in lines
        and "F" in lines.get("flags:", "")
        and lines.get("magic", "").startswith(_ELF)
        and lines.get("magic", "")[_MACHINE] == _MACHINES[architecture]
    )


async def _register_emulator(architecture: Architecture) -> None:
    rule = _FORMATS / f"qemu-{architecture.machine}.conf"
    if os.geteuid() != 0 or not rule.exists():
        raise HostCannot(
            f"this host does not start {architecture} programs, which building a guest needs",
            remedy="sudo apt-get install qemu-user-static binfmt-support && "
            f"sudo update-binfmts --enable qemu-{architecture.machine}",
        )
    try:
        if not (_BINFMT / "register").exists():
            await run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_BINFMT)])
        (_BINFMT / "register").write_text(rule.read_text().strip())
    except FileExistsError:
        pass  # another build was quicker
    except (CommandFailed, OSError) as error:
        raise HostCannot(
            f"cannot let this host start {architecture} programs: {error}",
            remedy=f"register {rule} with binfmt_misc on the machine that runs this container",
        ) from error
    if not emulated(architecture):
        raise HostCannot(
            f"{rule} is registered but does not start {architecture} programs in another root",
            remedy="install Debian's qemu-user-static, whose rule has the flag F",
        )


async def _require_namespaces() -> None:
    """An ordinary user needs user namespaces with subordinate ids."""
    try:
        await run([*mapped_root(), "--mount", "true"])
    except CommandFailed as error:
        raise HostCannot(
            "this host does not let an ordinary user make namespaces with several users, "
            "which building a guest needs",
            details=error.stderr,
            remedy="give yourself subordinate ids (sudo usermod --add-subuids 100000-165535 "
            "--add-subgids 100000-165535 $USER) and allow user namespaces "
            "(sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0), or build as root",
        ) from error


def mapped_root() -> list[str]:
    """Prefix for a command that acts as root over an ordinary user's subordinate ids."""
    return ["unshare", "--user", "--map-root-user", "--map-auto"]
