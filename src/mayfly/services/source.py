"""The source of a run: its clone as one tar, packed once and sent to every machine that asks.

`protocol.source` says what is in it; `runner.checkout` unpacks it. The commit travels as a pack
with its index, so that an emulated guest has nothing to compute. Without `history` it is cut off
behind the commit, as a checkout of depth 1 is. What the working tree adds is everything git
would: changed and new files, minus ignored ones. A file that git filters (LFS) and holds to be
unchanged comes as it was committed, a pointer. Submodules and clones inside the clone stay out;
a checkout that wants submodules fetches them from their server.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Self

from mayfly.domain.errors import HostCannot
from mayfly.protocol.codec import encode
from mayfly.protocol.source import BUNDLE, CHANGES, DELETED, INDEX, META, SourceMeta
from mayfly.services.archive import Archive, Part
from mayfly.services.objects import choose_objects, pack_objects
from mayfly.services.repository import Repository
from mayfly.services.scratch import scratch
from mayfly.services.worktree import Difference, difference, pack_files
from mayfly.system.process import CommandFailed

_SHA256_LENGTH = 64


class RepositorySource:
    """Starts to pack when entered; every `open` waits for that and then reads the same bytes.

    `ref` is the run's `github.ref`, the clone's own if not given. Leaving stops the packing and
    frees the space; streams that are still read break then.
    """

    def __init__(
        self, repository: Repository, spool: Path, *, history: bool, ref: str | None = None
    ):
        self._repository = repository
        self._spool = spool
        self._history = history
        self._ref = ref or repository.state.ref
        self._archive: asyncio.Task[Archive] | None = None

    async def __aenter__(self) -> Self:
        self._archive = asyncio.create_task(self._packed())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._archive is not None
        self._archive.cancel()
        await asyncio.wait([self._archive])
        if not self._archive.cancelled():
            # Who opened the source was told that it cannot be packed; nobody else needs to know.
            with contextlib.suppress(HostCannot):
                self._archive.result().close()

    async def open(self) -> AsyncIterator[bytes]:
        """The tar. HostCannot if the clone could not be packed. Any number at the same time."""
        assert self._archive is not None, "not entered"
        archive = await asyncio.shield(self._archive)
        async for piece in archive.read():
            yield piece

    async def _packed(self) -> Archive:
        repository = self._repository
        with scratch(self._spool) as folder:
            try:
                return await _pack(repository, folder, self._ref, history=self._history)
            except (CommandFailed, OSError) as error:
                raise HostCannot(
                    f"cannot pack the repository {repository.root} for the jobs",
                    details=str(error),
                    remedy="see that `git fsck` and `git status` work there, and that "
                    f"{self._spool} has space",
                ) from error


async def _pack(repository: Repository, folder: Path, ref: str, *, history: bool) -> Archive:
    state = repository.state
    objects = await choose_objects(repository, ref, history=history)
    pack = await pack_objects(repository.root, folder, objects)
    changed = Difference() if repository.clean else await difference(repository.root)
    changes = folder / CHANGES
    if changed.present:
        await pack_files(repository.root, changed.present, changes, state.timestamp)
    meta = SourceMeta(state.sha, state.branch, ref, repository.origin, objects.shallow)
    parts = [
        Part(META, encode(meta)),
        Part.of_file(INDEX, pack.with_suffix(".idx")),
        Part.of_file(BUNDLE, pack, objects.bundle_header()),
    ]
    if changed.deleted:
        parts.append(Part(DELETED, b"".join(os.fsencode(name) + b"\0" for name in changed.deleted)))
    if changed.present:
        parts.append(Part.of_file(CHANGES, changes))
    return Archive(parts)
