"""What the working tree has that the commit has not."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mayfly.services.git import git, paths
from mayfly.system.process import CommandFailed, dies_with_parent, run

# Fields before the path, by the kind of line that `git status --porcelain=v2` prints.
_FIELDS = {"1": 8, "u": 10}
_SUBMODULE, _MODE_CHANGED, _MODE_UNMERGED = 2, 5, 6
_ABSENT = "000000"
_FILES_CHANGED = 1


@dataclass(frozen=True, slots=True)
class Difference:
    """Paths from the root: files to put over the commit's, and those to remove from it first."""

    present: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


async def difference(root: Path) -> Difference:
    """Compares the working tree with HEAD; ignored files, submodules and clones stay out."""
    options = ("-z", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
    present: set[str] = set()
    deleted: set[str] = set()
    for line in paths(await git(root, "status", "--porcelain=v2", *options)):
        kind = line[0]
        if kind == "?":
            if not line.endswith("/"):
                present.add(line[2:])
            continue
        if kind not in _FIELDS:
            continue
        fields = line.split(" ", _FIELDS[kind])
        if fields[_SUBMODULE].startswith("S"):
            continue
        mode = fields[_MODE_CHANGED if kind == "1" else _MODE_UNMERGED]
        (deleted if mode == _ABSENT else present).add(fields[-1])
    return Difference(tuple(sorted(present)), tuple(sorted(deleted)))


async def pack_files(root: Path, names: Sequence[str], target: Path, timestamp: str) -> None:
    """A tar of files and links of `root`, dated `timestamp` (ISO 8601), as what it lies over is.

    Files that vanished meanwhile are left out; what grows meanwhile is cut where it was.
    CommandFailed for a file that cannot be read.
    """
    argv = [
        *("tar", "--create", "--file", str(target), "--format=gnu", f"--mtime={timestamp}"),
        *("--owner=0", "--group=0", "--numeric-owner", "--hard-dereference", "--no-recursion"),
        *("--null", "--verbatim-files-from", "--files-from=-"),
    ]
    listed = b"".join(os.fsencode(name) + b"\0" for name in _existing(root, names))
    done = await run(dies_with_parent(argv), input_bytes=listed, cwd=root, check=False)
    if done.status not in {0, _FILES_CHANGED}:
        raise CommandFailed(argv, done.status, done.stderr)


def _existing(root: Path, names: Sequence[str]) -> list[str]:
    return [name for name in names if os.path.lexists(root / name)]
