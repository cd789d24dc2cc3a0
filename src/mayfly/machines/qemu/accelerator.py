"""Which accelerator really runs guests here: found out by booting, not by looking.

/dev/kvm can open, answer and even run firmware on a host where no kernel ever gets into 64-bit
mode: QEMU then spins for ever. So the image's own kernel is booted once under KVM, without a disk;
it must panic, and so end, by itself. The answer is remembered until the host boots again or QEMU
or the kernel changes.
"""

import asyncio
import json
import os
from pathlib import Path

from mayfly.domain.architecture import Architecture
from mayfly.system.process import dies_with_parent, run, which

_TIMEOUT_S = 10.0
_KVM = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_BOARDS = {
    Architecture.AMD64: ("-M", "q35"),
    Architecture.ARM64: ("-M", "virt,gic-version=host"),
}


class Accelerators:
    """Says `kvm` or `tcg` for an architecture; one probe a process at the most."""

    def __init__(self, folder: Path):
        self._file = folder / "accelerator.json"
        self._lock = asyncio.Lock()
        self._works: bool | None = None

    async def choose(self, architecture: Architecture, kernel: Path) -> str:
        """Takes up to 10 s the first time after a boot of the host, else nothing to speak of."""
        if architecture is not Architecture.of_host():
            return "tcg"
        async with self._lock:
            if self._works is None:
                self._works = await self._probe(kernel)
        return "kvm" if self._works else "tcg"

    async def _probe(self, kernel: Path) -> bool:
        binary = which(f"qemu-system-{Architecture.of_host().machine}")
        if binary is None or not os.access(_KVM, os.R_OK | os.W_OK):
            return False
        facts = await asyncio.to_thread(_facts, binary, kernel)
        known = await asyncio.to_thread(self._remembered)
        if known.get("facts") != facts:
            known = {"facts": facts, "works": await kvm_runs_guests(binary, kernel)}
            await asyncio.to_thread(self._file.write_text, json.dumps(known) + "\n")
        return known["works"] is True

    def _remembered(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


async def kvm_runs_guests(binary: str, kernel: Path) -> bool:
    """Boot a kernel without a disk under KVM; False unless it panics in time."""
    argv = [binary, *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot")]
    argv += ["-accel", "kvm", "-cpu", "host", *_BOARDS[Architecture.of_host()], "-m", "256"]
    argv += ["-kernel", str(kernel), "-append", "quiet panic=-1"]
    try:
        ended = await run(dies_with_parent(argv), timeout=_TIMEOUT_S, check=False)
    except TimeoutError:
        return False
    return ended.status == 0


def _facts(binary: str, kernel: Path) -> list[object]:
    files = (Path(binary).stat(), kernel.stat())
    return [_BOOT_ID.read_text().strip(), *(stat.st_mtime_ns for stat in files)]
