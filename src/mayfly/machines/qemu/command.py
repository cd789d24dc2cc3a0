"""QEMU's command line: one place that knows the devices of a machine.

A snapshot loads only into the same machine, so template and clone differ in nothing but where
memory, disks and channels come from (`Parts`), and the rest (`shape`) is part of a template's key.
Everything QEMU opens is handed to it as a descriptor: it needs no path and no permission.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mayfly.domain.architecture import Architecture
from mayfly.machines.base import MachineSpec

# Nothing of a machine outlives it, so nothing need ever reach the platter.
_THROW_AWAY = "cache.no-flush=on,discard=unmap"

# All that QEMU can emulate, less what only costs. On amd64 the string instructions that are quick
# in silicon are emulated byte by byte (copies were 1.5 times slower), and page tables of five
# levels, SMAP, protection keys and the finer XSAVEs make each entry to the kernel dearer. On arm64
# real pointer authentication is dear; its substitute is as good for a job.
_EMULATED_CPUS = {
    Architecture.AMD64: "max,-erms,-fsrm,-la57,-smap,-pku,-xsaveopt,-xgetbv1",
    Architecture.ARM64: "max,pauth-impdef=on",
}

RUNNER_PORT = "mayfly.0"
SHELL_PORT = "mayfly.1"
RUNNER = "runner"
"""Id of the runner's port in events."""


@dataclass(frozen=True, slots=True)
class Begin:
    """How the machine begins: a kernel to boot, or a state to wait for."""

    arguments: tuple[str, ...]
    descriptors: tuple[int, ...]

    @classmethod
    def cold(cls, kernel: int, initrd: int, cmdline: str) -> "Begin":
        """Boot the kernel that lies open at these descriptors."""
        files = ("-kernel", f"/proc/self/fd/{kernel}", "-initrd", f"/proc/self/fd/{initrd}")
        return cls((*files, "-append", cmdline), (kernel, initrd))

    @classmethod
    def from_state(cls, state: int) -> "Begin":
        """Wait to be told to load the state that lies open at this descriptor."""
        return cls(("-incoming", "defer"), (state,))


@dataclass(frozen=True, slots=True)
class Disks:
    """Descriptors of memory and disks; they stay the caller's.

    `memory` is a memfd, `root` and `layer` (if it has one) the image, `scratch` the writable disk:
    raw while a template is being made (`base` is None then), qcow2 over `base` in a clone.
    """

    memory: int
    root: int
    scratch: int
    base: int | None = None
    layer: int | None = None

    @property
    def descriptors(self) -> tuple[int, ...]:
        rest = [disk for disk in (self.base, self.layer) if disk is not None]
        return (self.memory, self.root, self.scratch, *rest)


@dataclass(frozen=True, slots=True)
class Channels:
    """Descriptors of QEMU's ends of four sockets."""

    monitor: int
    runner: int
    shell: int
    console: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What one QEMU process is given; `netdev` is the value of that option."""

    disks: Disks
    channels: Channels
    netdev: str
    begin: Begin

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the process must inherit under the same numbers."""
        ends = self.channels
        return (
            *self.disks.descriptors,
            *(ends.monitor, ends.runner, ends.shell, ends.console),
            *self.begin.descriptors,
        )


def binary(architecture: Architecture) -> str:
    return f"qemu-system-{architecture.machine}"


def shape_of(spec: MachineSpec, accelerator: str, *, layered: bool) -> list[str]:
    """What template and clone have in common, in order; `layered` when the image has a layer."""
    return [
        binary(spec.architecture),
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        *("-display", "none"),
        *("-machine", _board(spec.architecture, accelerator)),
        *("-accel", accelerator if accelerator == "kvm" else "tcg,thread=multi"),
        *("-cpu", _cpu(spec.architecture, accelerator)),
        *("-smp", str(spec.vcpus)),
        *("-m", f"{spec.memory_mib}M"),
        *("-device", "virtio-blk-pci,drive=root,serial=root"),
        *("-device", "virtio-blk-pci,drive=scratch,serial=scratch"),
        *("-device", "virtio-serial-pci,max_ports=4"),
        *("-device", f"virtserialport,id={RUNNER},nr=1,chardev=runner,name={RUNNER_PORT}"),
        *("-device", f"virtserialport,nr=2,chardev=shell,name={SHELL_PORT}"),
        *(("-device", "virtio-blk-pci,drive=layer,serial=layer") if layered else ()),
        *("-device", "virtio-net-pci,netdev=net,mac=02:6d:61:79:66:6c,romfile="),
    ]


def command(shape: Sequence[str], parts: Parts) -> list[str]:
    """The whole command of a machine of this shape."""
    # A clone maps the template's sealed memory privately: pages it writes become its own.
    disks, channels = parts.disks, parts.channels
    share = "on" if disks.base is None else "off"
    size = shape[shape.index("-m") + 1]
    memory = f"memory-backend-file,id=ram,size={size},mem-path=/proc/self/fd/{disks.memory}"
    return [
        *shape,
        # QEMU may start no program, change no user and touch no other process.
        *("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"),
        *("-object", f"{memory},share={share},dump=off"),
        *_disks(disks),
        *("-netdev", parts.netdev),
        *_socket("monitor", channels.monitor),
        *("-mon", "chardev=monitor,mode=control"),
        *_socket("runner", channels.runner),
        *_socket("shell", channels.shell),
        *_socket("console", channels.console),
        *("-serial", "chardev:console"),
        *parts.begin.arguments,
    ]


def _board(architecture: Architecture, accelerator: str) -> str:
    if architecture is Architecture.AMD64:
        return "q35,memory-backend=ram,vmport=off,smm=off,i8042=off,sata=off,smbus=off,hpet=off"
    gic = "host" if accelerator == "kvm" else "3"
    return f"virt,memory-backend=ram,gic-version={gic}"


def _cpu(architecture: Architecture, accelerator: str) -> str:
    return "host" if accelerator == "kvm" else _EMULATED_CPUS[architecture]


def _disks(disks: Disks) -> list[str]:
    descriptors = {"root": disks.root, "scratch": disks.scratch}
    if disks.base is not None:
        descriptors["base"] = disks.base
    if disks.layer is not None:
        descriptors["layer"] = disks.layer
    arguments = []
    for number, (name, descriptor) in enumerate(descriptors.items(), start=1):
        arguments += ["-add-fd", f"fd={descriptor},set={number}"]
        read_only = "off" if name == "scratch" else "on"
        file = f"driver=file,node-name={name}-file,filename=/dev/fdset/{number},locking=off"
        arguments += ["-blockdev", f"{file},read-only={read_only},{_THROW_AWAY}"]
    for name in (disk for disk in ("root", "layer") if disk in descriptors):
        arguments += ["-blockdev", f"driver=raw,node-name={name},file={name}-file,read-only=on"]
    if disks.base is None:
        return [*arguments, "-blockdev", "driver=raw,node-name=scratch,file=scratch-file"]
    overlay = "driver=qcow2,node-name=scratch,file=scratch-file,backing=base"
    return [
        *arguments,
        *("-blockdev", "driver=raw,node-name=base,file=base-file,read-only=on"),
        *("-blockdev", f"{overlay},lazy-refcounts=on,{_THROW_AWAY}"),
    ]


def _socket(name: str, descriptor: int) -> list[str]:
    return ["-chardev", f"socket,id={name},fd={descriptor}"]
