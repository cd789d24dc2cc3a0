import os
from pathlib import Path

import pytest

from mayfly.domain.architecture import Architecture
from mayfly.domain.errors import HostCannot
from mayfly.machines.images import host
from mayfly.machines.images.host import Missing, emulated, missing, require

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64

AARCH64 = """enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: POF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


@pytest.fixture
def binfmt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "binfmt_misc"
    folder.mkdir()
    (folder / "register").touch()
    (folder / "status").write_text("enabled\n")
    monkeypatch.setattr(host, "_BINFMT", folder)
    return folder


@pytest.fixture
def amd64_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Architecture, "of_host", classmethod(lambda _cls: AMD64))
    monkeypatch.setattr(host, "KEYRING", Path("/dev/null"))


def lacking(monkeypatch: pytest.MonkeyPatch, *tools: str) -> None:
    monkeypatch.setattr(host, "which", lambda tool: None if tool in tools else f"/usr/bin/{tool}")


@pytest.mark.usefixtures("amd64_host")
def test_names_missing_tools_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "mkfs.erofs", "qemu-aarch64-static", "newuidmap")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert missing(AMD64) == [Missing("mkfs.erofs", "erofs-utils")]
    assert Missing("qemu-aarch64-static", "qemu-user-static") in missing(ARM64)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert Missing("newuidmap", "uidmap") in missing(AMD64)


@pytest.mark.usefixtures("amd64_host")
def test_the_keyring_is_needed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch)
    monkeypatch.setattr(host, "KEYRING", Path("/nonexistent/keyring.gpg"))
    assert missing(AMD64) == [Missing("/nonexistent/keyring.gpg", "debian-archive-keyring")]


@pytest.mark.usefixtures("amd64_host")
async def test_the_remedy_is_one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "mkfs.erofs", "flock", "unshare")
    with pytest.raises(HostCannot, match=r"needs flock, mkfs\.erofs, unshare") as caught:
        await require(AMD64)
    assert caught.value.remedy == "sudo apt-get install erofs-utils util-linux"


def test_an_emulator_counts_when_it_works_in_another_root(binfmt: Path) -> None:
    (binfmt / "any-name").write_text(AARCH64)
    assert emulated(ARM64)
    assert not emulated(AMD64)


@pytest.mark.parametrize(
    ("text", "instead"), [("POF", "OC"), ("enabled", "disabled"), ("0200b700", "02002800")]
)
def test_other_entries_do_not_count(binfmt: Path, text: str, instead: str) -> None:
    (binfmt / "qemu-aarch64").write_text(AARCH64.replace(text, instead))
    assert not emulated(ARM64)


def test_without_the_file_system_nothing_is_emulated(binfmt: Path) -> None:
    (binfmt / "register").unlink()
    assert not emulated(ARM64)


@pytest.mark.usefixtures("amd64_host", "binfmt")
async def test_an_ordinary_user_is_told_how_to_get_an_emulator(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "mapped_root", lambda: ["true"])
    with pytest.raises(HostCannot, match="does not start arm64 programs") as caught:
        await require(ARM64)
    assert "sudo update-binfmts --enable qemu-aarch64" in (caught.value.remedy or "")


@pytest.mark.usefixtures("amd64_host")
async def test_namespaces_that_are_not_allowed_are_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lacking(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(host, "mapped_root", lambda: ["sh", "-c", "echo refused >&2; exit 1"])
    with pytest.raises(HostCannot, match="does not let an ordinary user") as caught:
        await require(AMD64)
    assert caught.value.details == "refused\n"
    assert "--add-subuids" in (caught.value.remedy or "")
