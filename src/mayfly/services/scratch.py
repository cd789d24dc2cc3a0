"""Folders that do not outlive us: their lock goes with their owner, and `reap` takes the rest."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mayfly.system.home import Home

_IN_CACHE = ".new"


def scratch_of(cache: Path) -> Path:
    """Where to prepare what is then renamed into a folder of `cache`: on the same file system."""
    return cache / _IN_CACHE


@contextlib.contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A new empty folder in `parent`, removed at the end."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder, lock = _made(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def reap(home: Home) -> list[str]:
    """Remove the folders of processes that are gone; one line for each thing removed."""
    return [
        f"unfinished work {folder.name} in {parent}"
        for parent in (home.spool, scratch_of(home.actions))
        if parent.is_dir()
        for folder in sorted(parent.iterdir())
        if _removed(folder)
    ]


def _made(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix="work-"))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        if _locked(lock) and os.fstat(lock).st_nlink:
            return folder, lock
        os.close(lock)  # reaped before it was locked


def _removed(folder: Path) -> bool:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        if not _locked(lock):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
