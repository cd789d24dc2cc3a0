"""Folders that belong to a process."""

import contextlib
from pathlib import Path

import pytest

from mayfly.system.owned import OWNER, owned_folder, reap_folders


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("[!.]*"))


def test_a_folder_lives_as_long_as_its_block(tmp_path: Path) -> None:
    with owned_folder(tmp_path, "a") as folder:
        (folder / "file").touch()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert names(tmp_path) == ["a"]
    assert names(tmp_path) == []


def test_a_folder_that_was_renamed_stays(tmp_path: Path) -> None:
    with owned_folder(tmp_path, "a") as folder:
        folder.rename(tmp_path / "b")
    assert names(tmp_path) == ["b"]


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(owned_folder(tmp_path, "a"))
        with pytest.raises(FileExistsError):
            stack.enter_context(owned_folder(tmp_path, "a"))
        assert names(tmp_path) == ["a"]
    with owned_folder(tmp_path, "a"):
        pass


def test_reaping_takes_what_nobody_owns(tmp_path: Path) -> None:
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / OWNER).touch()
    (tmp_path / "bare").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "file").touch()
    with owned_folder(tmp_path, "living"):
        assert reap_folders(tmp_path) == [tmp_path / "bare", tmp_path / "dead"]
        assert names(tmp_path) == ["file", "living"]
    assert reap_folders(tmp_path, ".hid*") == [tmp_path / ".hidden"]
