"""Everything that decides what a build makes, written down before it starts.

The recipe digest covers all of it, so an image is built anew when the recipe, the host's extra
certificates or our own scripts change, and reused otherwise.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.machines.images.host import HOST_CERTIFICATES
from mayfly.machines.images.recipe import Recipe, RecipeFile

SCRIPTS = ("bootstrap.sh", "configure.sh", "customize.sh")
_OTHER_SOURCES = ("init.sh", "initrd.py", "cpio.py")

# What /init, the runner and this package's scripts count on, whatever the recipe says.
_BASE_PACKAGES = (
    "apt",
    "busybox-static",
    "ca-certificates",
    "dbus",
    "iproute2",
    "kmod",
    "netbase",
    "passwd",
    "python3",
    "python3-yaml",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
    "usr-is-merged",
)

# What maintainer scripts start most and what of it is slowest to emulate: see configure.sh.
TOOLBOX_PACKAGES = (
    "adduser",
    "debconf",
    "kmod",
    "mawk",
    "openssl",
    "passwd",
    "python3-minimal",
    "systemd",
    "udev",
)

_PLAIN_FILES = {
    "/etc/default/locale": "LANG=C.UTF-8\n",
    "/etc/fstab": "",
    "/etc/hostname": "localhost\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    "/etc/systemd/journald.conf.d/mayfly.conf": (
        "[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n"
    ),
    # Of what the kernel found before udev came, only what has a name, a mode or a module to be
    # given: 64 consoles and their like cost seconds under emulation. Later events all arrive.
    "/etc/systemd/system/systemd-udev-trigger.service.d/mayfly.conf": (
        "[Service]\n"
        "ExecStart=\n"
        "ExecStart=-udevadm trigger --action=add --subsystem-match=block --subsystem-match=misc"
        " --subsystem-match=net --subsystem-match=virtio --subsystem-match=virtio-ports\n"
    ),
    # Packages that a job installs are as lean as ours, and a machine that is thrown away at the
    # end of its job has no use for data safely on disk.
    "/etc/dpkg/dpkg.cfg.d/mayfly": (
        "path-exclude=/usr/share/man/*\n"
        "path-exclude=/usr/share/info/*\n"
        "path-exclude=/usr/share/locale/*\n"
        "path-exclude=/usr/share/lintian/*\n"
        "path-exclude=/usr/share/doc/*\n"
        "path-include=/usr/share/doc/*/copyright\n"
        "force-unsafe-io\n"
    ),
    "/etc/apt/apt.conf.d/90mayfly": (
        'Acquire::Languages "none";\n'
        'Acquire::Retries "3";\n'
        'APT::Install-Recommends "false";\n'
        'Dpkg::Use-Pty "0";\n'
    ),
}


@dataclass(frozen=True, slots=True)
class BuildPlan:
    recipe: Recipe
    architecture: Architecture
    packages: tuple[str, ...]
    kernel: str
    files: dict[str, RecipeFile]

    @property
    def digest(self) -> str:
        """Names what this plan makes, but for the versions of packages."""
        sources = {name: source(name) for name in (*SCRIPTS, *_OTHER_SOURCES)}
        plan = json.dumps([asdict(self), sources, TOOLBOX_PACKAGES], sort_keys=True)
        return hashlib.sha256(plan.encode()).hexdigest()


def make_plan(
    recipe: Recipe, architecture: Architecture, certificates: Path = HOST_CERTIFICATES
) -> BuildPlan:
    """`certificates` holds the host's extra authorities as *.crt files; it may not exist."""
    found = {
        f"/usr/local/share/ca-certificates/{path.name}": RecipeFile(path.read_text())
        for path in sorted(certificates.glob("*.crt"))
    }
    ours = {path: RecipeFile(content) for path, content in _PLAIN_FILES.items()}
    sources = {"/etc/apt/sources.list": RecipeFile(recipe.apt.sources())}
    return BuildPlan(
        recipe=recipe,
        architecture=architecture,
        packages=tuple(sorted({*_BASE_PACKAGES, *recipe.packages})),
        kernel=f"linux-image-cloud-{architecture}",
        files={**ours, **sources, **found, **recipe.files},
    )


def source(name: str) -> str:
    """The text of a file of this package."""
    return files(__package__).joinpath(name).read_text("utf-8")
