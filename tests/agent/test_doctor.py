"""Findings about a host: what is missing is named, with the remedy."""

import shutil
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.machines.images.images import publish

from mayfly.agent import doctor
from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.domain.finding import Finding, Severity
from mayfly.domain.placement import Capacity
from mayfly.machines.images.host import Missing
from mayfly.machines.images.store import ImageStore
from mayfly.machines.qemu.accelerator import Accelerators
from mayfly.system.home import Home

NATIVE = Architecture.of_host()
FOREIGN = next(arch for arch in Architecture if arch is not NATIVE)


class Host:
    """A host that has everything, until a test takes something away."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        self.home = Home(tmp_path)
        self.lacking: set[str] = set()
        self.network: list[Finding] | HostCannot = [Finding(Severity.OK, "guests reach it")]
        self.accelerator = "kvm"
        self.kvm = tmp_path / "kvm"
        self.kvm.touch()
        self.free = 100 * 1024**3
        self.memory_mib = 16384
        self.user = 0
        replace = monkeypatch.setattr
        replace(doctor, "which", lambda tool: None if tool in self.lacking else f"/usr/bin/{tool}")
        replace(doctor, "probe", self._probe)
        replace(doctor, "missing", lambda _arch: self.images_lack)
        replace(doctor, "_KVM", self.kvm)
        replace(Accelerators, "choose", self._choose)
        replace(doctor, "host_capacity", self._capacity)
        replace(shutil, "disk_usage", lambda _path: SimpleNamespace(free=self.free))
        replace("os.geteuid", lambda: self.user)
        self.images_lack: list[Missing] = []
        store = ImageStore(self.home)
        for architecture in Architecture:
            publish(store, architecture=architecture)

    async def findings(self) -> list[Finding]:
        found = await doctor.examine(self.home)
        assert all(finding.remedy for finding in found if finding.severity is not Severity.OK)
        return found

    async def finding(self, severity: Severity, *words: str) -> Finding:
        """The one finding of that severity, which must hold these words."""
        [found] = [entry for entry in await self.findings() if entry.severity is severity]
        assert all(word in f"{found.text} {found.remedy}" for word in words)
        return found

    async def _probe(self) -> list[Finding]:
        if isinstance(self.network, HostCannot):
            raise self.network
        return self.network

    async def _choose(self, *_arguments: object) -> str:
        return self.accelerator

    def _capacity(self) -> Capacity:
        return Capacity(Decimal(8), self.memory_mib, frozenset(Architecture))


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def severities(findings: Iterable[Finding]) -> set[Severity]:
    return {finding.severity for finding in findings}


async def test_a_host_that_has_everything_needs_no_remedy(host: Host) -> None:
    findings = await host.findings()
    assert severities(findings) == {Severity.OK}
    texts = "\n".join(finding.text for finding in findings)
    for words in ("Python", "KVM", "guests reach it", "GiB are free", "8 vCPU", "image default"):
        assert words in texts


async def test_missing_programs_are_named_with_their_packages(host: Host) -> None:
    host.lacking = {"nft", "mkfs.ext4"}
    await host.finding(Severity.FAIL, "mkfs.ext4, nft", "sudo apt-get install e2fsprogs nftables")


async def test_an_emulator_is_needed_for_the_hosts_own_architecture(host: Host) -> None:
    host.lacking = {f"qemu-system-{NATIVE.machine}"}
    await host.finding(Severity.FAIL, str(NATIVE), "apt-get install qemu-system-")


async def test_without_the_other_emulator_half_of_it_works(host: Host) -> None:
    host.lacking = {f"qemu-system-{FOREIGN.machine}"}
    await host.finding(Severity.WARN, str(FOREIGN), "apt-get install qemu-system-")


async def test_kvm_counts_only_if_a_guest_boots(host: Host) -> None:
    host.accelerator = "tcg"
    await host.finding(Severity.WARN, "opens, but no guest boots with it", "nested")


async def test_no_kvm_is_a_warning(host: Host) -> None:
    host.kvm.unlink()
    await host.finding(Severity.WARN, "no KVM", "virtualisation")


async def test_a_missing_image_says_how_to_build_it(host: Host) -> None:
    ImageStore(host.home).remove("default", FOREIGN)
    await host.finding(Severity.WARN, "is not built", f"mayfly image build --arch {FOREIGN}")


async def test_images_that_cannot_be_built_name_the_packages(host: Host) -> None:
    host.images_lack = [Missing("mkfs.erofs", "erofs-utils")]
    findings = [entry for entry in await host.findings() if entry.severity is Severity.WARN]
    assert len(findings) == 2
    assert all("apt-get install erofs-utils" in (entry.remedy or "") for entry in findings)


async def test_a_network_that_cannot_be_bounded_is_a_failure(host: Host) -> None:
    host.network = HostCannot("the tun device is closed", remedy="open it")
    await host.finding(Severity.FAIL, "the tun device is closed", "open it")


@pytest.mark.parametrize(
    ("gib", "severity"), [(100, Severity.OK), (5, Severity.WARN), (1, Severity.FAIL)]
)
async def test_little_space_is_told(host: Host, gib: int, severity: Severity) -> None:
    host.free = gib * 1024**3
    spaces = [entry for entry in await host.findings() if "GiB are free" in entry.text]
    assert severities(spaces) == {severity}


async def test_little_memory_is_told(host: Host) -> None:
    host.memory_mib = 2048
    await host.finding(Severity.WARN, "2.0 GiB", "--fit")
