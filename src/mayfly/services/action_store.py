"""Fetched actions, kept by commit: `<cache>/<owner>/<repository>/<commit>/action.tar`.

A commit's files never change, so what is in the cache is served without asking anyone; its
digest, written when it was fetched, is checked in each run. Several processes may use one cache.
"""

import asyncio
import hashlib
import io
import os
import re
import shutil
import tarfile
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from mayfly.services.action_server import ActionMissing, ActionServer, ServerUnreachable
from mayfly.services.config import ActionSettings
from mayfly.services.scratch import scratch
from mayfly.services.worktree import pack_files
from mayfly.system.process import CommandFailed
from mayfly.workflow.actions import RemoteAction

_TAR = "action.tar"
_DIGEST = "action.tar.sha256"
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PIECE = 256 * 1024
_LOCAL_DATE = "1980-01-01T00:00:00Z"


class ActionUnavailable(Exception):
    """An action cannot be had; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ActionSource:
    """A repository of actions as one tar; `key` names it to machines."""

    key: str
    tar: Path

    def read(self, path: str, limit: int) -> bytes | None:
        """The first `limit` bytes of a file; None if there is no such file."""
        with tarfile.open(self.tar) as tar:
            try:
                member = tar.getmember(path)
            except KeyError:
                return None
            content = tar.extractfile(member) if member.isreg() else None
            return content.read(limit) if content else None

    async def stream(self) -> AsyncIterator[bytes]:
        # Small files that were read a moment ago, to check them.
        with io.FileIO(self.tar) as file:
            while piece := file.read(_PIECE):
                yield piece


class ActionStore:
    """`work` is on the same file system as `cache` and outlives this."""

    def __init__(self, settings: ActionSettings, cache: Path, work: Path):
        self._server = ActionServer(settings.server)
        self._replace = settings.replace
        self._cache = cache
        self._work = work
        self._known: dict[tuple[str, str], ActionSource | ActionUnavailable] = {}
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, action: RemoteAction) -> ActionSource:
        """Its repository at its ref, the same all through a run. Raises ActionUnavailable."""
        name = action.full_name.lower()
        async with self._locks[name]:
            found = self._known.get((name, action.ref))
            if found is None:
                found = self._known[name, action.ref] = await self._find(action)
        if isinstance(found, ActionUnavailable):
            raise found
        return found

    async def _find(self, action: RemoteAction) -> ActionSource | ActionUnavailable:
        try:
            if (folder := self._replace.get(action.full_name.lower())) is not None:
                return await self._packed(action, folder)
            return await self._fetched(action)
        except ActionMissing as error:
            return ActionUnavailable(str(error))
        except ServerUnreachable as error:
            return ActionUnavailable(
                f"{self._server.name} cannot be reached ({error}); put the action into this "
                f"repository (uses: ./path), or name a folder for '{action.full_name}' in "
                "[actions.replace] of config.toml, or run where the server can be reached"
            )

    async def _packed(self, action: RemoteAction, folder: Path) -> ActionSource:
        """A folder of this host that stands for the repository, as it is now."""
        name = action.full_name.lower()
        source = ActionSource(f"{name}@local", self._work / f"{name.replace('/', '+')}.tar")
        if not source.tar.exists():
            try:
                files = await asyncio.to_thread(_files, folder)
                await pack_files(folder, files, source.tar, _LOCAL_DATE)
            except CommandFailed as error:
                raise ActionMissing(f"{folder} cannot be read: {error.stderr}") from error
        return source

    async def _fetched(self, action: RemoteAction) -> ActionSource:
        pinned = action.ref.lower()
        commit = pinned if _COMMIT.fullmatch(pinned) else None
        if commit is None:
            commit = await self._server.commit_of(action, self._work)
        name = action.full_name.lower()
        place = self._cache / name / commit
        source = ActionSource(f"{name}@{commit}", place / _TAR)
        if not await asyncio.to_thread(_is_whole, place):
            await self._fetch(action, commit, place)
        return source

    async def _fetch(self, action: RemoteAction, commit: str, place: Path) -> None:
        with scratch(self._work) as folder:
            repository, new = folder / "repository.git", folder / "new"
            repository.mkdir()
            new.mkdir()
            await self._server.download(action, commit, new / _TAR, repository)
            (new / _DIGEST).write_text(await asyncio.to_thread(_digest, new / _TAR))
            await asyncio.to_thread(_put, new, place)


def _put(new: Path, place: Path) -> None:
    """Move into the cache, unless another process was quicker."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not _is_whole(place):
        shutil.rmtree(place)
    try:
        new.rename(place)
    except OSError:
        if not _is_whole(place):
            raise


def _is_whole(place: Path) -> bool:
    try:
        return (place / _DIGEST).read_text() == _digest(place / _TAR)
    except FileNotFoundError:
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> list[str]:
    """Files and links below a folder, without a repository's own."""
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != ".git")
        links = [name for name in folders if Path(parent, name).is_symlink()]
        found += [os.path.relpath(Path(parent, name), folder) for name in (*files, *links)]
    return sorted(found)
