"""Files of a repository: as they are in its working tree, or as they are in a commit."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mayfly.services.git import git, paths


class Tree(Protocol):
    """Paths are relative to the root and end where the repository ends."""

    async def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file; None if there is no such file."""

    async def files(self, folder: str) -> list[str]:
        """Paths of the files directly in a folder, sorted; none if there is no such folder."""


@dataclass(frozen=True, slots=True)
class CommitTree:
    """The files of a commit. A symbolic link is no file."""

    root: Path
    commit: str

    async def read(self, path: str, limit: int) -> bytes | None:
        if await self._list(path) != [path]:
            return None
        return (await git(self.root, "cat-file", "blob", f"{self.commit}:{path}"))[:limit]

    async def files(self, folder: str) -> list[str]:
        return await self._list(folder.strip("/") + "/")

    async def _list(self, path: str) -> list[str]:
        listing = await git(self.root, "ls-tree", "-z", "--full-tree", self.commit, "--", path)
        entries = [line.partition("\t") for line in paths(listing)]
        return sorted(name for kind, _, name in entries if kind.startswith("100"))


@dataclass(frozen=True, slots=True)
class WorkingTree:
    """The files on disk. Links are followed inside the repository only.

    `hidden` are files that a sparse checkout leaves out of the working tree; they are read from
    the commit.
    """

    root: Path
    commit: CommitTree
    hidden: frozenset[str] = frozenset()

    async def read(self, path: str, limit: int) -> bytes | None:
        if path in self.hidden:
            return await self.commit.read(path, limit)
        return _read_inside(self.root, path, limit)

    async def files(self, folder: str) -> list[str]:
        prefix = folder.strip("/") + "/"
        found = {name for name in self.hidden if name.rpartition("/")[0] + "/" == prefix}
        directory = self.root / folder
        if directory.is_dir():
            found |= {prefix + entry.name for entry in directory.iterdir() if entry.is_file()}
        return sorted(found)


def _read_inside(root: Path, path: str, limit: int) -> bytes | None:
    real = Path(os.path.realpath(root / path))
    if not real.is_relative_to(os.path.realpath(root)) or not real.is_file():
        return None
    with real.open("rb") as file:
        return file.read(limit)


async def hidden_files(root: Path) -> frozenset[str]:
    """Files that a sparse checkout leaves out."""
    listing = paths(await git(root, "ls-files", "-t", "-z"))
    return frozenset(line[2:] for line in listing if line.startswith("S "))
