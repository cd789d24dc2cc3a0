"""Makes a template: boots a machine from its image, waits for its runner, freezes it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from mayfly.domain.errors import HostCannot
from mayfly.machines.base import MachineFailed, MachineSpec, Report
from mayfly.machines.images.cmdline import kernel_cmdline
from mayfly.machines.images.initrd import Payload, append_payload
from mayfly.machines.images.store import Image
from mayfly.machines.network.base import Network, NetworkMode, NetworkPolicy, PreparedNetwork
from mayfly.machines.qemu import qmp, sparse
from mayfly.machines.qemu.command import Begin, Disks
from mayfly.machines.qemu.process import QemuProcess
from mayfly.protocol.frames import FrameDecoder
from mayfly.protocol.messages import PROTOCOL_VERSION, Ready, decode_from_runner
from mayfly.system.process import run, which
from mayfly.system.threads import in_thread

# Under emulation on a busy host a boot of 10 s can take many times that.
_BOOT_TIMEOUT_S = 600.0
_MIB = 1024 * 1024


async def freeze(
    folder: Path,
    *,
    spec: MachineSpec,
    shape: Sequence[str],
    image: Image,
    payload: Payload,
    network: Network,
    report: Report,
) -> None:
    """Write the files of a template into `folder`. Raises MachineFailed, CommandFailed."""
    report("making its disks", None)
    await _make_disks(folder, spec)
    initrd = folder / "initrd"
    append_payload(image.initrd, payload, initrd)
    with contextlib.ExitStack() as files:
        disks = Disks(
            memory=_new_memory(files, spec.memory_mib),
            root=_open(files, image.root, os.O_RDONLY),
            scratch=_open(files, folder / "scratch", os.O_RDWR),
            layer=_open(files, image.layer, os.O_RDONLY) if image.layer else None,
        )
        kernel = _open(files, image.kernel, os.O_RDONLY)
        begin = Begin.cold(
            kernel, _open(files, initrd, os.O_RDONLY), kernel_cmdline(image.architecture)
        )
        state = _open(files, folder / "state", os.O_RDWR | os.O_CREAT)
        report("booting", None)
        async with _running(shape, disks, begin, network) as machine:
            await wait_until_ready(machine)
            report("freezing", None)
            await qmp.save(machine.monitor, state)
        target = _open(files, folder / "memory", os.O_RDWR | os.O_CREAT)
        await in_thread(sparse.copy, disks.memory, target)
    initrd.unlink()


async def wait_until_ready(machine: QemuProcess) -> None:
    """Returns when the runner has said Ready. Raises MachineFailed."""
    decoder = FrameDecoder()
    try:
        async with asyncio.timeout(_BOOT_TIMEOUT_S):
            while data := await machine.runner.read():
                for frame in decoder.feed(data):
                    message = decode_from_runner(frame)
                    if message != Ready(PROTOCOL_VERSION):
                        raise MachineFailed(f"the runner began with {message!r}")
                    return
    except TimeoutError:
        raise MachineFailed(
            f"the guest did not come up within {_BOOT_TIMEOUT_S:.0f} s",
            details=machine.reason_of_death(),
        ) from None
    raise MachineFailed("the guest ended while starting", details=machine.reason_of_death())


@contextlib.asynccontextmanager
async def _running(
    shape: Sequence[str], disks: Disks, begin: Begin, network: Network
) -> AsyncIterator[QemuProcess]:
    prepared: PreparedNetwork = await network.prepare(NetworkPolicy(mode=NetworkMode.NONE))
    try:
        machine = await QemuProcess.launch("template", shape, disks, begin, prepared)
        try:
            yield machine
        finally:
            await machine.destroy()
    finally:
        await prepared.close()


async def _make_disks(folder: Path, spec: MachineSpec) -> None:
    """`scratch`: an empty ext4 file system; `overlay`: the empty layer over it of each clone."""
    size = f"{spec.disk_gib}G"
    scratch = folder / "scratch"
    with scratch.open("wb") as file:
        file.truncate(spec.disk_gib * 1024 * _MIB)
    # No journal: nothing survives a crash anyway. Inode tables are zero already: it is a new file.
    options = ["-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=1,nodiscard"]
    await run([tool("mkfs.ext4"), *options, str(scratch)])
    await run([tool("qemu-img"), "create", "-q", "-f", "qcow2", str(folder / "overlay"), size])


def tool(name: str) -> str:
    found = which(name)
    if found is None:
        raise HostCannot(f"{name} is not installed", remedy="mayfly doctor names its package")
    return found


def _new_memory(files: contextlib.ExitStack, mib: int) -> int:
    memory = os.memfd_create("mayfly-template", os.MFD_CLOEXEC)
    files.callback(os.close, memory)
    os.ftruncate(memory, mib * _MIB)
    return memory


def _open(files: contextlib.ExitStack, path: Path, flags: int) -> int:
    # Readable to all: QEMU, under another user, opens the kernel anew through its descriptor.
    # The folders above keep everybody else out.
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    files.callback(os.close, descriptor)
    return descriptor
