"""Folders that belong to a process: locked while it lives, and whoever comes later removes them."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from mayfly.system.locks import locked, locked_if_free

OWNER = "owner"
_LOCK = ".lock"


@contextlib.contextmanager
def owned_folder(parent: Path, name: str) -> Iterator[Path]:
    """A new folder, for us alone; removed at the end unless it was renamed."""
    folder = parent / name
    with contextlib.ExitStack() as stack:
        with locked(parent / _LOCK):
            folder.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(locked(folder / OWNER))
        yield folder


def reap_folders(parent: Path, pattern: str = "[!.]*") -> list[Path]:
    """Remove those whose owner is gone; gives what was removed."""
    gone = []
    with locked(parent / _LOCK):
        for folder in sorted(path for path in parent.glob(pattern) if path.is_dir()):
            with locked_if_free(folder / OWNER) as free:
                if free:
                    shutil.rmtree(folder, ignore_errors=True)
                    gone.append(folder)
    return gone
