"""How a repository travels into a guest: the members of the one tar that answers SourceRequest.

Written by the host, read by the runner while it arrives, so `META` comes first.
"""

from dataclasses import dataclass

META = "meta.json"
"""A `SourceMeta` as JSON."""

BUNDLE = "repository.bundle"
"""A git bundle without prerequisites, holding every ref that is wanted."""

INDEX = "repository.idx"
"""Optional: the index (version 2) of the bundle's pack, which spares the guest making it."""

DELETED = "deleted"
"""Optional: paths that the working tree lacks, each ended by a NUL byte."""

CHANGES = "changes.tar"
"""Optional: files of the working tree that differ from the commit, or are new and not ignored."""


@dataclass(frozen=True, slots=True)
class SourceMeta:
    """What is checked out: commit `sha`, on `branch` unless detached; `ref` as in `github.ref`.

    `origin` is the URL of the remote. `shallow` has the commits whose parents are missing.
    """

    sha: str
    branch: str | None = None
    ref: str | None = None
    origin: str | None = None
    shallow: tuple[str, ...] = ()
