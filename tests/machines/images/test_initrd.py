import stat
from pathlib import Path

import pytest
from tests.machines.images.archives import read

from mayfly.machines.images.initrd import (
    MODULES,
    Payload,
    PayloadFile,
    PayloadLink,
    append_payload,
    find_modules,
    write_initrd,
)


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    tree = tmp_path / "modules"
    tree.mkdir()
    for name in MODULES:
        (tree / f"{name}.ko").write_bytes(name.encode())
    return tree


@pytest.fixture
def initrd(tmp_path: Path, modules: Path) -> Path:
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"\x7fELF")
    out = tmp_path / "initrd"
    write_initrd(out, busybox=busybox, modules=find_modules(modules))
    return out


def payload_of(initrd: Path, tmp_path: Path, payload: Payload) -> list[tuple[str, int, bytes]]:
    out = tmp_path / "with-payload"
    append_payload(initrd, payload, out)
    data = out.read_bytes()
    base = initrd.read_bytes()
    assert data.startswith(base)
    return read(data[len(base) :])


def test_base_holds_init_busybox_and_the_modules_in_load_order(initrd: Path) -> None:
    members = {name: (mode, data) for name, mode, data in read(initrd.read_bytes())}
    assert members["init"][0] == stat.S_IFREG | 0o755
    assert members["init"][1].startswith(b"#!/bin/sh\n")
    assert members["bin/busybox"] == (stat.S_IFREG | 0o755, b"\x7fELF")
    loaded = [data.decode() for name, (_, data) in sorted(members.items()) if name[-3:] == ".ko"]
    assert loaded == list(MODULES)


def test_init_uses_no_program_that_the_initrd_lacks(initrd: Path) -> None:
    members = {name for name, _, _ in read(initrd.read_bytes())}
    used = ("mount", "insmod", "cat", "mkdir", "chown", "cp", "switch_root", "poweroff", "sh")
    assert {f"bin/{tool}" for tool in used} <= members


def test_missing_modules_are_named(modules: Path) -> None:
    (modules / "erofs.ko").unlink()
    with pytest.raises(FileNotFoundError, match="no kernel module erofs"):
        find_modules(modules)


def test_module_files_may_be_spelled_with_dashes(modules: Path) -> None:
    (modules / "virtio_blk.ko").rename(modules / "virtio-blk.ko")
    assert modules / "virtio-blk.ko" in find_modules(modules)


def test_payload_follows_the_base_with_its_folders_first(initrd: Path, tmp_path: Path) -> None:
    members = payload_of(
        initrd,
        tmp_path,
        {
            "/opt/mayfly/runner.pyz": PayloadFile(b"zip", 0o755),
            "/etc/link": PayloadLink("/opt/mayfly"),
        },
    )
    assert members == [
        ("payload", stat.S_IFDIR | 0o755, b""),
        ("payload/etc", stat.S_IFDIR | 0o755, b""),
        ("payload/etc/link", stat.S_IFLNK | 0o777, b"/opt/mayfly"),
        ("payload/opt", stat.S_IFDIR | 0o755, b""),
        ("payload/opt/mayfly", stat.S_IFDIR | 0o755, b""),
        ("payload/opt/mayfly/runner.pyz", stat.S_IFREG | 0o755, b"zip"),
    ]


def test_payload_is_aligned_after_a_base_of_any_length(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.write_bytes(b"12345")
    append_payload(base, {"/a": PayloadFile(b"b")}, tmp_path / "out")
    assert (tmp_path / "out").read_bytes()[:14] == b"12345" + bytes(3) + b"070701"


@pytest.mark.parametrize("path", ["etc/x", "/etc/../x", "//etc/x", "/etc/", "/lib/systemd/x", "/"])
def test_payload_paths_that_would_land_elsewhere_are_refused(
    initrd: Path, tmp_path: Path, path: str
) -> None:
    with pytest.raises(ValueError, match=r"plain path|symbolic link"):
        append_payload(initrd, {path: PayloadFile(b"")}, tmp_path / "out")
