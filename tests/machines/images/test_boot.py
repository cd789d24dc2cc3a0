"""Boots the default image of both architectures in plain QEMU, emulated, until systemd is up.

Uses the images in MAYFLY_HOME, or builds them there, which takes minutes.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.machines.images import (
    Image,
    Payload,
    PayloadFile,
    PayloadLink,
    append_payload,
    build,
    kernel_cmdline,
    load_recipe,
)
from mayfly.system.home import Home

pytestmark = pytest.mark.e2e

BOARDS = {
    Architecture.AMD64: ["-M", "q35"],
    Architecture.ARM64: ["-M", "virt,gic-version=3", "-cpu", "max,pauth-impdef=on"],
}
CHECK = """#!/bin/sh
echo  # ends the line that the firmware began
echo "state: $(systemctl is-system-running --wait)"
echo "failed: $(systemctl --failed --no-legend)"
echo "runner: $(id runner)"
echo "sudo: $(sudo -u runner sudo -n id -u)"
echo "work: $(sudo -u runner sh -c 'cd && echo file >work/file && stat -f -c %T work')"
echo "root: $(stat -f -c %T /)"
echo "python: $(python3 -c 'import yaml, ssl, venv; print("imports")')"
echo "machine-id: $(wc -c </etc/machine-id)"
echo "done"
systemctl poweroff --force --force
"""
UNIT = """[Service]
ExecStart=/bin/sh /opt/check
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
"""
PAYLOAD: Payload = {
    "/opt/check": PayloadFile(CHECK.encode()),
    "/etc/systemd/system/check.service": PayloadFile(UNIT.encode()),
    "/etc/systemd/system/multi-user.target.wants/check.service": PayloadLink("../check.service"),
}


@pytest.fixture(params=list(Architecture), ids=str)
def image(request: pytest.FixtureRequest) -> Image:
    architecture: Architecture = request.param
    if not shutil.which(f"qemu-system-{architecture.machine}"):
        pytest.skip(f"qemu-system-{architecture.machine} is not installed")
    return asyncio.run(build(Home.default(), load_recipe("default"), architecture))


def boot(image: Image, folder: Path, *, scratch: bool = True) -> list[str]:
    """The lines a machine printed until it powered itself off."""
    append_payload(image.initrd, PAYLOAD, folder / "initrd")
    disks = [(image.root, "root", "on")]
    if scratch:
        disk = folder / "scratch"
        with disk.open("wb") as stream:
            stream.truncate(1 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", str(disk)], check=True)
        # Before the root disk: /init goes by serial number, not by order.
        disks.insert(0, (disk, "scratch", "off"))
    argv = [f"qemu-system-{image.architecture.machine}", *BOARDS[image.architecture]]
    argv += ["-accel", "tcg", "-m", "1024", "-smp", "2", "-nodefaults", "-nographic"]
    argv += ["-serial", "stdio", "-no-reboot", "-kernel", str(image.kernel)]
    argv += ["-initrd", str(folder / "initrd"), "-append", kernel_cmdline(image.architecture)]
    for index, (path, serial, read_only) in enumerate(disks):
        argv += ["-drive", f"if=none,id=d{index},file={path},format=raw,readonly={read_only}"]
        argv += ["-device", f"virtio-blk-pci,drive=d{index},serial={serial}"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return done.stdout.decode(errors="replace").splitlines()


def test_the_default_image_boots_to_a_running_system(image: Image, tmp_path: Path) -> None:
    said = dict(line.split(": ", 1) for line in boot(image, tmp_path) if ": " in line)
    assert said.get("state", "").endswith("running")
    assert said["failed"] == ""
    assert said["runner"] == "uid=1001(runner) gid=1001(runner) groups=1001(runner),4(adm),27(sudo)"
    assert said["sudo"] == "0"
    assert said["work"] == "ext2/ext3"
    assert said["root"] == "overlayfs"
    assert said["python"] == "imports"
    assert said["machine-id"] == "33"


def test_a_machine_that_cannot_start_says_why_and_powers_off(image: Image, tmp_path: Path) -> None:
    said = boot(image, tmp_path, scratch=False)
    assert any("mayfly-init: no scratch disk /dev/vdb" in line for line in said)
