"""Room on the disk, and files that images share."""

import shutil
from pathlib import Path

from mayfly.domain.errors import HostCannot


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raise HostCannot unless so many bytes are free where `folder` is; `what` needs them."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise HostCannot(
            f"{what} needs {needed >> 20} MiB in {folder}, only {free >> 20} MiB are free",
            remedy="remove images (`mayfly image rm`), or set MAYFLY_HOME to a larger disk",
        )


def share(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the disk cannot do that."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
