"""The kernel command line our images are made for."""

from mayfly.domain.architecture import Architecture

_CONSOLES = {Architecture.AMD64: "ttyS0", Architecture.ARM64: "ttyAMA0"}

_COMMON = (
    "quiet",
    "loglevel=3",  # every line on an emulated serial port costs time; errors still show
    "panic=-1",  # restart at once, which ends a QEMU started with -no-reboot
    "net.ifnames=0",  # one interface, always eth0
    "random.trust_cpu=on",
    # The hypervisor is what keeps jobs apart. Inside a machine lives one job that may become root
    # anyway, so guarding its processes from each other buys nothing.
    "mitigations=off",
    "audit=0",
    "systemd.show_status=0",
    "systemd.gpt_auto=0",  # no search for partitions to mount
)


def kernel_cmdline(architecture: Architecture) -> str:
    """Arguments for QEMU's `-append`, or any other loader of the image's `vmlinuz`."""
    return " ".join((f"console={_CONSOLES[architecture]}", *_COMMON))
