"""The branches and tags of a clone, and which of them matter to a run."""

from collections.abc import Mapping
from dataclasses import dataclass

HEADS = "refs/heads/"
TAGS = "refs/tags/"

_FIELDS = ("HEAD", "refname", "objectname", "*objectname", "symref", "upstream")
LISTING = (
    "for-each-ref",
    "--sort=-version:refname",
    "--format=" + "%00".join(f"%({name})" for name in _FIELDS),
)
"""The arguments of git that print what `read_refs` reads."""


@dataclass(frozen=True, slots=True)
class Refs:
    """`all` maps full names to object ids, HEAD among them.

    `branch` is None on a detached head; `tags` are those of its commit, newest version first.
    `remote` is the one the branch belongs to; `upstream` is the full name of what it tracks.
    """

    all: Mapping[str, str]
    branch: str | None
    tags: tuple[str, ...]
    remote: str
    upstream: str | None
    default_branch: str


def read_refs(listed: str, sha: str, settings: Mapping[str, str]) -> Refs:
    """`sha` is the commit of HEAD, `settings` git's configuration."""
    known = {"HEAD": sha}
    links: dict[str, str] = {}
    branch = upstream = None
    tags = []
    for line in listed.splitlines():
        head, name, commit, peeled, link, tracked = line.split("\0")
        known[name] = commit
        if link:
            links[name] = link
        if head == "*":
            branch, upstream = name.removeprefix(HEADS), tracked or None
        if name.startswith(TAGS) and sha == (peeled or commit):
            tags.append(name.removeprefix(TAGS))
    remote = settings.get(f"branch.{branch}.remote", "origin")
    remote = "origin" if remote == "." else remote  # tracks another local branch
    default = _default_branch(known, links, branch, remote, settings)
    upstream = upstream if upstream in known else None
    return Refs(known, branch, tuple(tags), remote, upstream, default)


def _default_branch(
    known: Mapping[str, str],
    links: Mapping[str, str],
    branch: str | None,
    remote: str,
    settings: Mapping[str, str],
) -> str:
    """What the remote says it is; else one with a usual name; else the one that is checked out."""
    there = f"refs/remotes/{remote}/"
    if (link := links.get(there + "HEAD")) is not None:
        return link.removeprefix(there)
    usual = (settings.get("init.defaultbranch", "main"), "main", "master")
    found = (name for place in (there, HEADS) for name in usual if place + name in known)
    return next(found, branch or "main")
