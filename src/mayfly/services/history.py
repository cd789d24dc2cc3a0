"""What an event would find changed: the commit it is compared with, and the files that differ."""

from dataclasses import dataclass
from pathlib import Path

from mayfly.services.git import answer, git, paths
from mayfly.services.refs import HEADS, Refs
from mayfly.services.worktree import difference

# GitHub gives up on the diff of large pushes, too, and then starts whatever has a path filter.
MAX_CHANGED_FILES = 3000
_OF_A_BRANCH = frozenset({"pull_request", "pull_request_target", "merge_group"})


@dataclass(frozen=True, slots=True)
class Changes:
    """`before` is None if nothing comes before; `files` is None if nobody knows, or too many."""

    before: str | None
    files: tuple[str, ...] | None


async def changes(
    root: Path, refs: Refs, parent: str | None, event: str, *, clean: bool
) -> Changes:
    """What differs between the state that is run and the one it is compared with.

    A push is compared with where the branch's upstream (else the default branch) left it, a pull
    request with where the default branch did; if nothing has happened since then, either is
    compared with `parent`, the commit before. Uncommitted changes and new files count unless
    `clean`.
    """
    head = refs.all["HEAD"]
    uncommitted = () if clean else await _uncommitted(root)
    base = await _fork(root, refs, event)
    if base is None or (base == head and not uncommitted):
        base = parent
    if base is None and await _is_shallow(root):
        return Changes(None, None)
    start = base or (await git(root, "hash-object", "-t", "tree", "--stdin")).decode().strip()
    committed = await _committed(root, start, head)
    files = tuple(sorted({*committed, *uncommitted}))
    return Changes(base, files if len(files) <= MAX_CHANGED_FILES else None)


async def _fork(root: Path, refs: Refs, event: str) -> str | None:
    """Where this branch left the one it will go to."""
    candidates = [f"refs/remotes/{refs.remote}/{refs.default_branch}"]
    if event not in _OF_A_BRANCH and refs.upstream is not None:
        candidates.insert(0, refs.upstream)
    if refs.branch != refs.default_branch:
        candidates.append(HEADS + refs.default_branch)
    for name in candidates:
        if name in refs.all and (base := await answer(root, "merge-base", "HEAD", name)):
            return base
    return None


async def _uncommitted(root: Path) -> tuple[str, ...]:
    found = await difference(root)
    return (*found.present, *found.deleted)


async def _committed(root: Path, start: str, end: str) -> list[str]:
    options = ("--name-only", "-z", "--no-renames")
    return paths(await git(root, "diff-tree", "-r", *options, start, end, "--"))


async def _is_shallow(root: Path) -> bool:
    return await answer(root, "rev-parse", "--is-shallow-repository") == "true"
