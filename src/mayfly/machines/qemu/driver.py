"""The `qemu` driver: templates made once, machines cloned from them."""

import contextlib
import logging
import os
import secrets
import tempfile
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.base import (
    Death,
    MachineFailed,
    MachineSpec,
    MachineStart,
    Report,
    Usage,
    silent,
)
from mayfly.machines.images.store import Image
from mayfly.machines.network.base import Network, PreparedNetwork
from mayfly.machines.payload import payload
from mayfly.machines.qemu import qmp
from mayfly.machines.qemu.accelerator import Accelerators
from mayfly.machines.qemu.boot import freeze, tool
from mayfly.machines.qemu.command import Begin, Disks, binary, shape_of
from mayfly.machines.qemu.loaded import LoadedTemplates
from mayfly.machines.qemu.process import QemuProcess, Stream
from mayfly.machines.qemu.template import (
    Template,
    TemplateDamaged,
    TemplateStore,
    template_key,
)
from mayfly.protocol.messages import Identity
from mayfly.system.home import Home
from mayfly.system.process import CommandFailed, run
from mayfly.system.tasks import to_the_end
from mayfly.system.threads import in_thread

_log = logging.getLogger(__name__)

FindImage = Callable[[str, Architecture, Report], Awaitable[Image]]
"""The image to boot, checked; makes it when it must. Raises MayflyError."""


class QemuMachine:
    """One clone; see `machines.base.Machine`."""

    def __init__(
        self, start: MachineStart, process: QemuProcess, network: PreparedNetwork, accelerator: str
    ):
        self.id = start.id
        self.accelerator = accelerator
        self._hostname = start.hostname
        self._machine_id = secrets.token_hex(16)
        self._process = process
        self._network = network

    @property
    def identity(self) -> Identity:
        guest = self._network.guest
        return Identity(
            hostname=self._hostname,
            machine_id=self._machine_id,
            entropy=b64encode(os.urandom(64)).decode(),
            time_ns=time.time_ns(),
            mac=guest.mac,
            address=f"{guest.address}/{guest.prefix}" if guest.gateway else None,
            gateway=str(guest.gateway) if guest.gateway else None,
            dns=str(guest.dns) if guest.dns else None,
            mtu=guest.mtu,
        )

    @property
    def pid(self) -> int:
        """QEMU's process."""
        return self._process.pid

    async def read(self) -> bytes:
        return await self._process.runner.read()

    async def write(self, data: bytes) -> None:
        await self._process.runner.write(data)

    async def open_shell(self) -> Stream:
        return self._process.shell

    async def death(self) -> Death:
        return await self._process.death()

    def usage(self) -> Usage:
        return self._process.usage()

    async def destroy(self) -> None:
        await self._process.destroy()
        await self._network.close()


class QemuDriver:
    """Machines of this host; see `machines.base.MachineDriver`."""

    name = "qemu"

    def __init__(
        self,
        home: Home,
        network: Network,
        find_image: FindImage,
        accelerators: Accelerators,
    ):
        self._templates = TemplateStore(home.templates)
        self._network = network
        self._find_image = find_image
        self._accelerators = accelerators
        self._loaded = LoadedTemplates(self._template)

    async def prepare(self, spec: MachineSpec, report: Report = silent) -> None:
        await self._loaded.prepare(spec, report)

    async def start(self, spec: MachineSpec, start: MachineStart) -> QemuMachine:
        with self._loaded.lent(spec) as template:
            network = await self._network.prepare(start.network)
            try:
                process = await self._clone(spec, start, template, network)
            except OSError as error:
                await network.close()
                raise MachineFailed("QEMU could not be started", details=str(error)) from error
            except BaseException:
                await to_the_end(network.close())
                raise
            return QemuMachine(start, process, network, template.accelerator)

    async def reap(self) -> list[str]:
        gone = [f"unfinished template {path.name}" for path in self._templates.reap()]
        return gone + await self._network.reap()

    async def close(self) -> None:
        self._loaded.close()

    async def _template(
        self, spec: MachineSpec, report: Report, known: str | None
    ) -> Template | None:
        """See `loaded.Load`."""
        report("checking the image", None)
        image = await self._find_image(spec.image, spec.architecture, report)
        accelerator = await self._accelerators.choose(spec.architecture, image.kernel)
        shape = shape_of(spec, accelerator, layered=image.layer is not None)
        extra = payload()
        version = (await run([tool(binary(spec.architecture)), "--version"])).stdout
        key = template_key(spec, image.digest, *shape, version, self._network.backend, extra.digest)
        if key == known:
            return None
        make = partial(
            freeze, spec=spec, shape=shape, image=image, payload=extra.files, network=self._network
        )
        while True:
            await self._ensure(key, make, report)
            report("loading the template", None)
            try:
                return await in_thread(
                    self._templates.load, key, accelerator, image.root, image.layer
                )
            except TemplateDamaged as error:
                _log.warning("%s; it is made anew", error)

    async def _ensure(self, key: str, make: Callable[..., Awaitable[None]], report: Report) -> None:
        """Make the template unless it is there; of several Mayflys one does, the others wait."""
        if self._templates.exists(key):
            return
        report("waiting for another Mayfly that makes the template", None)
        async with self._templates.making(key):
            if not self._templates.exists(key):
                with _explained(), self._templates.building() as folder:
                    await make(folder, report=report)
                    await in_thread(self._templates.publish, folder, key)

    async def _clone(
        self,
        spec: MachineSpec,
        start: MachineStart,
        template: Template,
        network: PreparedNetwork,
    ) -> QemuProcess:
        with contextlib.ExitStack() as files:
            state = _memfd(files, "mayfly-state", template.state)
            disks = Disks(
                memory=template.memory,
                root=template.root,
                scratch=_unnamed_file(files, template.overlay),
                base=template.scratch,
                layer=template.layer,
            )
            shape = shape_of(spec, template.accelerator, layered=template.layer is not None)
            process = await QemuProcess.launch(
                start.id, shape, disks, Begin.from_state(state), network
            )
            try:
                qmp.load(process.monitor, state)
                process.watch()
            except BaseException:
                await process.destroy()
                raise
            return process


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turns what a tool or the kernel refused while a template is made into a HostCannot."""
    try:
        yield
    except (CommandFailed, OSError) as error:
        raise HostCannot(
            "this host could not make the template of its machines",
            details=str(error),
            remedy="see that MAYFLY_HOME has space, and what `mayfly doctor` says is missing",
        ) from error


def _memfd(files: contextlib.ExitStack, name: str, data: bytes) -> int:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    files.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _unnamed_file(files: contextlib.ExitStack, data: bytes) -> int:
    """A file without a name, gone with its last user: a job's disk cannot be left behind."""
    folder = os.environ.get("MAYFLY_SCRATCH", tempfile.gettempdir())
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise HostCannot(
            f"no room for a machine's disk in {folder}: {error.strerror}",
            remedy="free some space, or name another folder in MAYFLY_SCRATCH",
        ) from error
    files.callback(os.close, descriptor)
    os.write(descriptor, data)
    return descriptor
