"""The stamp saves reading files again, and never hides that one changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.machines.images.images import manifest_of

from mayfly.domain.errors import HostCannot
from mayfly.machines.images import verify as module
from mayfly.machines.images.manifest import Manifest
from mayfly.machines.images.verify import verify


class Checked:
    """A folder with one file, and how many files were read to verify it."""

    def __init__(self, folder: Path, stamp: Path):
        self.folder = folder
        self.stamp = stamp
        self.file = folder / "root.erofs"
        self.file.write_bytes(b"content")
        self.manifest: Manifest = manifest_of(folder)
        self.reads = 0

    def verify(self, *, full: bool = False) -> int:
        self.reads = 0
        verify(self.folder, self.manifest, self.stamp, full=full)
        return self.reads


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checked:
    (tmp_path / "image").mkdir()
    it = Checked(tmp_path / "image", tmp_path / "stamps" / "stamp")
    original: Callable[[Path], str] = module.sha256

    def counting(path: Path) -> str:
        it.reads += 1
        return original(path)

    monkeypatch.setattr(module, "sha256", counting)
    monkeypatch.setattr(module, "_SETTLED_NS", -(10**18))  # the file counts as old
    return it


def test_a_second_check_reads_nothing(checked: Checked) -> None:
    assert checked.verify() == 1
    assert checked.verify() == 0


def test_a_full_check_reads_in_any_case(checked: Checked) -> None:
    checked.verify()
    assert checked.verify(full=True) == 1


def test_a_file_too_young_to_tell_apart_leaves_no_stamp(
    checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SETTLED_NS", 10**18)
    assert [checked.verify(), checked.verify()] == [1, 1]


def test_the_same_size_and_mtime_do_not_hide_a_change(checked: Checked) -> None:
    checked.verify()
    before = checked.file.stat()
    checked.file.write_bytes(b"CONTENT")
    os.utime(checked.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(HostCannot, match=r"the content of root\.erofs is not what was built"):
        checked.verify()


def test_another_file_in_its_place_is_noticed(checked: Checked) -> None:
    checked.verify()
    beside = checked.folder / "other"
    beside.write_bytes(b"CONTENT")
    beside.replace(checked.file)
    with pytest.raises(HostCannot, match="is not what was built"):
        checked.verify()


def test_a_damaged_file_is_told_each_time(checked: Checked) -> None:
    checked.verify()
    checked.file.write_bytes(b"CONTENT")
    for _ in range(2):
        with pytest.raises(HostCannot):
            checked.verify()


def test_size_and_absence_are_named(checked: Checked) -> None:
    checked.file.write_bytes(b"longer content")
    with pytest.raises(HostCannot, match="has 14 bytes, not 7") as caught:
        checked.verify()
    assert "mayfly image rm" in (caught.value.remedy or "")
    checked.file.unlink()
    with pytest.raises(HostCannot, match=r"root\.erofs is missing"):
        checked.verify()


def test_an_unreadable_stamp_only_costs_a_check(checked: Checked) -> None:
    checked.verify()
    checked.stamp.write_text("{")
    assert [checked.verify(), checked.verify()] == [1, 0]
